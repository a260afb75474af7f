"""A structural OpenAPI schema from a type: its fields, what its docstring says of them, and the table of limits."""

import re
from functools import cache
from typing import Any

from msgspec import inspect

from davy.api.match import StringMatch
from davy.api.ref import Manifest
from davy.api.schema.limits import EVERYWHERE, FIELDS, FORMS, INTEGERS, REQUIRED, TEXT_FORMS

ABOUT = re.compile(r"^ *- `(\w+)`: (.+?)(?=^ *- `|\Z)", re.MULTILINE | re.DOTALL)
TIMES = ("Time", "At", "time")


@cache
def described(kind: type) -> dict[str, str]:
    """What the docstrings of a class and those it extends say of its fields."""
    about: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        about |= {name: " ".join(words.split()) for name, words in ABOUT.findall(cls.__doc__ or "")}
    return about


def sentence(words: str) -> str:
    """Words as a sentence."""
    return f"{words[0].upper()}{words[1:]}."


def summary(kind: type) -> str:
    """The first paragraph of a class's docstring."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def schema_of(kind: type) -> Manifest:
    """The schema of objects of a type."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    fields = {field.encode_name: field_schema(kind, field) for field in info.fields}
    needed = [field.encode_name for field in info.fields if field.required]
    needed = REQUIRED.get(kind.__name__, needed)
    schema: Manifest = {"description": summary(kind), "type": "object"}
    if needed:
        schema["required"] = needed
    return schema | {"properties": fields} | EVERYWHERE.get(kind.__name__, {})


def field_schema(kind: type, field: inspect.Field) -> Manifest:
    """The schema of one field, with its description first."""
    place = (kind.__name__, field.encode_name)
    schema = shape(field.type, place)
    schema |= {"description": sentence(described(kind)[field.name])}
    if schema.get("type") == "string" and field.encode_name.endswith(TIMES):
        schema["format"] = "date-time"
    return {"description": schema.pop("description")} | schema | FIELDS.get(place, {})


def shape(info: inspect.Type, place: tuple[str, str]) -> Manifest:
    """The schema of a type, without the words of the field that has it."""
    match plain(info):
        case inspect.StructType(cls=cls) if cls is StringMatch:
            return text_match(place)
        case inspect.StructType(cls=cls):
            return schema_of(cls)
        case inspect.VarTupleType(item_type=item):
            return {"type": "array", "items": shape(item, place)}
        case inspect.DictType(value_type=value):
            return {"type": "object", "additionalProperties": shape(value, place)}
        case inspect.UnionType():
            return {"x-kubernetes-int-or-string": True}
        case other:
            return scalar(other, place)


def plain(info: inspect.Type) -> Any:
    """A type without its "or nothing"."""
    if not isinstance(info, inspect.UnionType):
        return info
    rest = [part for part in info.types if not isinstance(part, inspect.NoneType)]
    return rest[0] if len(rest) == 1 else info


def scalar(info: Any, place: tuple[str, str]) -> Manifest:
    """The schema of a single value. Whole numbers are `number` where Flagger's are, so that 10.0 is accepted."""
    match info:
        case inspect.StrType():
            return {"type": "string"}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType():
            return dict(INTEGERS.get(place, {"type": "number"}))
        case inspect.FloatType():
            return {"type": "number"}
        case inspect.LiteralType(values=values):
            return {"type": "string", "enum": list(values)}
        case inspect.EnumType(cls=cls):
            return {"type": "string", "enum": [member.value for member in cls]}
        case _:
            raise TypeError(f"{place[0]}.{place[1]}: there is no schema for {info}")


def text_match(place: tuple[str, str]) -> Manifest:
    """How a text must look: which forms there are, and whether one must be given, depends on where it stands."""
    forms, must = TEXT_FORMS.get(place, FORMS)
    whole = schema_of(StringMatch)
    one = [{"required": [form]} for form in forms]
    none: list[Manifest] = [] if must else [{"not": {"anyOf": one}}]
    return whole | {"properties": {form: whole["properties"][form] for form in forms}, "oneOf": [*none, *one]}
