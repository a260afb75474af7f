"""Bytes or dicts to values of the API, with errors that name the field; values back to dicts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from davy.api.alert_provider import AlertProvider
from davy.api.canary import Canary
from davy.api.metric_template import MetricTemplate
from davy.api.ref import Manifest
from davy.api.status import CanaryStatus
from davy.api.words import Metadata, Words

T = TypeVar("T")


class DecodeError(ValueError):
    """An object that is not what its kind says: `path` is the field (empty for the object itself), `words` what is
    wrong with it and what would be right."""

    def __init__(self, path: str, words: str) -> None:
        super().__init__(f"{path}: {words}" if path else words)
        self.path = path
        self.words = words


class Unread(Words, frozen=True):
    """What is left of a Canary whose spec cannot be read: enough to tell people so in its status.

    - `metadata`: standard object metadata
    - `status`: where the release stands
    """

    metadata: Metadata = Metadata()
    status: CanaryStatus = CanaryStatus()


def decode_canary(source: bytes | Manifest) -> Canary:
    """A Canary from what the API server sends. Raises DecodeError."""
    return decode(source, Canary)


def decode_unread(source: bytes | Manifest) -> Unread:
    """Metadata and status of a Canary whose spec cannot be read. Raises DecodeError."""
    return decode(source, Unread)


def decode_metric_template(source: bytes | Manifest) -> MetricTemplate:
    """A MetricTemplate from what the API server sends. Raises DecodeError."""
    return decode(source, MetricTemplate)


def decode_alert_provider(source: bytes | Manifest) -> AlertProvider:
    """An AlertProvider from what the API server sends. Raises DecodeError."""
    return decode(source, AlertProvider)


def decode(source: bytes | Manifest, kind: type[T]) -> T:
    """A value of that type; unknown fields are ignored. Raises DecodeError.

    What Go reads and msgspec does not is read too, at the second attempt: null as absent, 10.0 as 10.
    """
    try:
        if isinstance(source, bytes):
            return msgspec.json.decode(source, type=kind)
        return msgspec.convert(source, kind)
    except msgspec.ValidationError:
        return decode_leniently(source, kind)
    except msgspec.DecodeError as error:
        raise DecodeError("", f"the object is not valid JSON: {error}") from None


def decode_leniently(source: bytes | Manifest, kind: type[T]) -> T:
    """The second attempt. Raises DecodeError."""
    document = as_go_reads(msgspec.json.decode(source) if isinstance(source, bytes) else source)
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise explained(str(error), document, kind) from None


def as_go_reads(value: Any) -> Any:
    """A document without nulls, and with whole numbers as integers."""
    match value:
        case dict():
            return {key: as_go_reads(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [as_go_reads(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def encode(value: Words) -> Manifest:
    """A value as a dict, without what is at its default."""
    return msgspec.json.decode(msgspec.json.encode(value), type=Manifest)


def encode_status(status: CanaryStatus) -> Manifest:
    """A status as a dict; the fields that Flagger always writes are there even if they are empty."""
    always: Manifest = {"phase": "", "failedChecks": 0, "canaryWeight": 0, "iterations": 0}
    return always | encode(status)


# Errors

PLACE = re.compile(r" - at `(?:key in )?\$?(.*)`$")
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
MISSING = re.compile(r"Object missing required field `(.+)`")
WRONG_TYPE = re.compile(r"Expected `(.+)`, got `(.+)`")
WRONG_VALUE = re.compile(r"Invalid enum value")
NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
Path = tuple[str | int, ...]
ANY_KEY = "..."


def explained(message: str, document: Any, kind: Any) -> DecodeError:
    """msgspec's message in the words of the people who wrote the manifest."""
    found = PLACE.search(message)
    steps = steps_of(found.group(1)) if found else ()
    text = message[: found.start()] if found else message
    if missing := MISSING.search(text):
        path = next(places(document, steps, lambda value: missing.group(1) not in value), steps)
        return DecodeError(path_text((*path, missing.group(1))), "is required")
    if wrong := WRONG_TYPE.search(text):
        path = next(places(document, steps, lambda value: json_type(value) == wrong.group(2)), steps)
        return DecodeError(path_text(path), f"must be {wanted(wrong.group(1))}, not {shown(value_at(document, path))}")
    if WRONG_VALUE.search(text):
        known = ", ".join(values_of(kind, steps))
        return DecodeError(path_text(steps), f"{shown(value_at(document, steps))} is not known; known: {known}")
    return DecodeError(path_text(steps), text)


def steps_of(text: str) -> Path:
    """msgspec's path as keys and positions; a key of a mapping, which msgspec does not tell, is `...`."""
    return tuple(int(place) if place.isdigit() else name or ANY_KEY for name, place in STEP.findall(text))


def places(document: Any, steps: Path, fits: Any) -> Iterator[Path]:
    """The places that a path with unknown keys can mean and where the value fits."""
    if not steps:
        if fits(document):
            yield ()
        return
    first, rest = steps[0], steps[1:]
    keys = list(document) if first == ANY_KEY and isinstance(document, dict) else [first]
    for key in keys:
        yield from ((key, *tail) for tail in places(document[key], rest, fits))


def value_at(document: Any, path: Path) -> Any:
    """The value at a path, or the path's end where it cannot be told."""
    for step in path:
        if step == ANY_KEY:
            return ANY_KEY
        document = document[step]
    return document


def path_text(path: Path) -> str:
    """A path as Kubernetes writes it: spec.analysis.metrics[1].interval."""
    out = ""
    for step in path:
        plain = isinstance(step, str) and re.fullmatch(r"[\w-]+", step)
        out += f"[{step}]" if not plain else f".{step}" if out else str(step)
    return out


def json_type(value: Any) -> str:
    """What msgspec calls the type of a JSON value."""
    names: Mapping[type, str] = {dict: "object", list: "array"}
    return names.get(type(value), type(value).__name__)


def wanted(types: str) -> str:
    """The types of msgspec's message for people; null is never what they meant to write."""
    return " or ".join(NAMES.get(name, name) for name in types.split(" | ") if name != "null")


def shown(value: Any) -> str:
    """A value for a message, cut short."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}…"


def values_of(kind: Any, steps: Path) -> Iterator[str]:
    """The values that a field may have."""
    info: Any = inspect.type_info(kind)
    for step in steps:
        info = inner(info, step)
    for part in info.types if isinstance(info, inspect.UnionType) else (info,):
        if isinstance(part, inspect.LiteralType):
            yield from map(str, part.values)
        if isinstance(part, inspect.EnumType):
            yield from (member.value for member in part.cls if member.value)


def inner(info: Any, step: str | int) -> Any:
    """The type of a field or an element."""
    for part in info.types if isinstance(info, inspect.UnionType) else (info,):
        match part:
            case inspect.StructType():
                return next(field.type for field in part.fields if field.encode_name == step)
            case inspect.VarTupleType():
                return part.item_type
            case inspect.DictType():
                return part.value_type
    raise LookupError(step)
