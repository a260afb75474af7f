"""Sets of fields as managedFields writes them (FieldsV1), and their algebra.

A set is a dict from path elements ("f:spec", 'k:{"name":"app"}', 'v:"x"') to nodes. A node is a dict of the elements
below it; the node belongs to the set if it is empty or has the key ".".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

Fields = dict[str, Any]
Path = tuple[str, ...]
MEMBER: Fields = {}
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


def member(node: Fields) -> bool:
    """Whether the node itself is in the set."""
    return not node or "." in node


def below(node: Fields) -> Fields:
    """The set below a node."""
    return {key: child for key, child in node.items() if key != "."} if "." in node else node


def node(is_member: bool, children: Fields) -> Fields:
    """A node of a set."""
    if is_member and children:
        return {".": MEMBER, **children}
    return children


def union(a: Fields, b: Fields) -> Fields:
    """What is in either."""
    if not a or not b:
        return a or b
    merged = dict(a)
    for key, right in b.items():
        left = a.get(key)
        if left is None:
            merged[key] = right
        else:
            merged[key] = node(member(left) or member(right), union(below(left), below(right)))
    return merged


def intersection(a: Fields, b: Fields) -> Fields:
    """What is in both."""
    common: Fields = {}
    for key, left in a.items():
        right = b.get(key)
        if right is None:
            continue
        both, children = member(left) and member(right), intersection(below(left), below(right))
        if both or children:
            common[key] = node(both, children)
    return common


def difference(a: Fields, b: Fields) -> Fields:
    """What is in a and not in b; a field in b does not take away what is below it."""
    left_over: Fields = {}
    for key, left in a.items():
        right = b.get(key)
        if right is None:
            left_over[key] = left
            continue
        own, children = member(left) and not member(right), difference(below(left), below(right))
        if own or children:
            left_over[key] = node(own, children)
    return left_over


def without(fields: Fields, path: Path) -> Fields:
    """The set without a field and all that is below it."""
    head, *rest = path
    if head not in fields:
        return fields
    others = {key: child for key, child in fields.items() if key != head}
    if not rest:
        return others
    own, children = member(fields[head]), without(below(fields[head]), tuple(rest))
    return {**others, head: node(own, children)} if own or children else others


def only(fields: Fields, key: str) -> Fields:
    """What is at or below one top-level element."""
    return {key: fields[key]} if key in fields else {}


def paths(fields: Fields, prefix: Path = ()) -> Iterator[Path]:
    """The members, shallow before deep, in order."""
    for key in sorted(fields):
        if member(fields[key]):
            yield (*prefix, key)
    for key in sorted(fields):
        yield from paths(below(fields[key]), (*prefix, key))


def of(members: Iterable[Path]) -> Fields:
    """The set of these fields."""
    root: Fields = {}
    for path in members:
        current = root
        for element in path[:-1]:
            if current.get(element) == MEMBER and element in current:
                current[element] = {".": MEMBER}
            current = current.setdefault(element, {})
        last = path[-1]
        if last in current:
            current[last].setdefault(".", MEMBER)
        else:
            current[last] = {}
    return root


def key_element(keys: dict[str, Any]) -> str:
    """The path element of a list item with these key fields."""
    return "k:" + _encode(keys).decode()


def value_element(value: Any) -> str:
    """The path element of an item of a set."""
    return "v:" + _encode(value).decode()


def shown(path: Path) -> str:
    """A path as conflict messages tell it: .spec.containers[name="app"].image."""
    return "".join(_shown(element) for element in path)


def _shown(element: str) -> str:
    kind, text = element[0], element[2:]
    match kind:
        case "f":
            return f".{text}"
        case "k":
            pairs = (f"{key}={_encode(value).decode()}" for key, value in _decode(text).items())
            return f"[{','.join(pairs)}]"
        case "v":
            return f"[={text}]"
        case _:
            return f"[{text}]"
