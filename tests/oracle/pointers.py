"""Changes between two JSON values as `{JSON pointer: new value}`, and back."""

from collections.abc import Iterator

from tests.oracle.kinds import Json

REMOVED = "<removed>"


def delta(before: Json, after: Json) -> dict[str, Json]:
    """What changed; a removed key has the value REMOVED. Lists are compared by place if they are equally long."""
    return dict(_changes(before, after, ""))


def _changes(before: Json, after: Json, at: str) -> Iterator[tuple[str, Json]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _key(before, after, key, f"{at}/{escaped(key)}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(one, other, f"{at}/{index}")
    elif before != after:
        yield at, after


def _key(before: Json, after: Json, key: str, at: str) -> Iterator[tuple[str, Json]]:
    if key not in after:
        yield at, REMOVED
    elif key not in before:
        yield at, after[key]
    else:
        yield from _changes(before[key], after[key], at)


def patched(value: Json, changes: dict[str, Json]) -> Json:
    """The value after the changes; what is unchanged is shared with `value`."""
    for pointer, new in changes.items():
        value = _set(value, [unescaped(part) for part in pointer.split("/")[1:]], new)
    return value


def _set(value: Json, path: list[str], new: Json) -> Json:
    if not path:
        return new
    key, *rest = path
    if isinstance(value, list):
        return [_set(each, rest, new) if str(index) == key else each for index, each in enumerate(value)]
    if new == REMOVED and not rest:
        return {name: each for name, each in value.items() if name != key}
    return value | {key: _set(value.get(key, {}), rest, new)}


def escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def unescaped(key: str) -> str:
    return key.replace("~1", "/").replace("~0", "~")
