"""Make two answers comparable: what differs from run to run becomes a name, everything else stays literal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What is replaced inside any text, in this order.
TEXTS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "<microtime>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "<date>"),
    (re.compile(r"(resource version:? )\d+( \(\d+\)|, current: \d+)?"), r"\1<rv>"),
    (re.compile(r"(ResourceVersion in record \()\d+"), r"\1<rv>"),
    (re.compile(r'Invalid value: "\{\\"(apiVersion|kind)\\".*?\}":', re.S), 'Invalid value: "<object>":'),
    (re.compile(r"\bgen-[bcdfghjklmnpqrstvwxz2456789]{5}\b"), "gen-<suffix>"),
    (re.compile(r"\b(10\.0|127\.(?!0\.0\.1\b)\d+)\.\d+\.\d+\b"), "<cluster-ip>"),
)
# What is replaced in what kubectl prints, before that.
PRINTED = (
    # kubectl's own log of goroutines that its deadline overtook: whether they get to write is a race within kubectl.
    (re.compile(r"^[IWEF]\d{4} [\d:.]+ +\d+ \w+\.go:\d+\] .*\n\n?", re.M), ""),
    (re.compile(r"(?<=\s)(\d+[smhdy])+(?=[\s(]|$)"), "<age>"),
    (re.compile(r"\bweb-[0-9a-z]{8,10}(-[0-9a-z]{5})?\b"), "web-<hash>"),
    (re.compile(r"/tmp/(LIVE|MERGED)-\d+"), r"/tmp/\1"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}"), "<time>"),
    (re.compile(r"^(  )?(Resource Version|UID):.*\n", re.M), ""),
    (re.compile(r" {2,}|\t+"), "  "),
    (re.compile(r" +$", re.M), ""),
)
AGE = re.compile(r"(\d+[smhd])+|<unknown>")
# Fields whose values are opaque: only whether they are there, and (numbered) which are the same, can be compared.
NUMBERED = {"resourceVersion": "rv", "uid": "uid"}


@dataclass(slots=True)
class Normal:
    """The names given so far within one behaviour: the same value gets the same name in every answer."""

    texts: Mapping[str, str]
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, value: Any) -> Any:
        """A copy of a decoded JSON value with names in place of what differs from run to run."""
        match value:
            case dict():
                return {self.text(key): self._field(key, each, value) for key, each in value.items()}
            case list():
                return [self.of(each) for each in value]
            case str():
                return self.text(value)
        return value

    def text(self, text: str) -> str:
        """The same for one text."""
        for literal, name in self.texts.items():
            text = text.replace(literal, name)
        for pattern, name in TEXTS:
            text = pattern.sub(name, text)
        return UID.sub(lambda found: self._name("uid", found.group()), text)

    def printed(self, text: str) -> str:
        """The same for what kubectl prints: also ages, and columns that are as wide as what stands in them."""
        for pattern, name in PRINTED:
            text = pattern.sub(name, text)
        return self.text(text)

    def _field(self, key: str, value: Any, owner: Mapping[str, Any]) -> Any:
        if key == "resources" and owner.get("kind") == "APIResourceList":  # in no order
            return sorted((self.of(each) for each in value), key=lambda each: str(each["name"]))
        if key == "causes" and isinstance(value, list):  # in the order of a map
            return sorted((self.of(each) for each in value), key=lambda each: (each.get("field", ""), each["message"]))
        if key == "cells" and isinstance(value, list):
            return ["<age>" if isinstance(cell, str) and AGE.fullmatch(cell) else self.of(cell) for cell in value]
        if key == "continue" and value:
            return "<continue>"
        if key == "metadata" and isinstance(value, dict) and _is_list(owner) and value.get("resourceVersion"):
            return self.of(value | {"resourceVersion": "<list-rv>"})
        if key in NUMBERED and isinstance(value, str) and value and not value.startswith("<"):
            return self._name(NUMBERED[key], value)
        return self.of(value)

    def _name(self, what: str, value: str) -> str:
        count = sum(1 for known, _ in self.names if known == what)
        return self.names.setdefault((what, value), f"<{what}-{count + 1}>")


def _is_list(owner: Mapping[str, Any]) -> bool:
    return str(owner.get("kind", "")).endswith(("List", "Table"))
