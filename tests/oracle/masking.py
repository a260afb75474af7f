"""Numbered placeholders in place of the values of a trace that differ from run to run."""

import json
import re
from collections.abc import Mapping

from tests.oracle.kinds import Json

HASHES = ("lastAppliedSpec", "lastPromotedSpec")
COOKIES = ("sessionAffinityCookie", "previousSessionAffinityCookie", "primarySessionAffinityCookie")
CLUSTER_IP = re.compile(r"\b10\.0\.\d+\.\d+\b")


class Placeholders:
    """Which placeholder a value has: numbered by label, in order of first appearance."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def hold(self, label: str, value: str | None) -> None:
        if value and value not in self.of:
            number = 1 + sum(each.startswith(f"<{label}-") for each in self.of.values())
            self.of[value] = f"<{label}-{number}>"

    def put_into(self, text: str) -> str:
        """The text with all values replaced, where they stand as a word."""
        for value in sorted(self.of, key=len, reverse=True):
            word = rf"(?<![0-9A-Za-z-]){re.escape(value)}(?![0-9A-Za-z-])"
            text = re.sub(word, self.of[value], text)
        return text


def masked(trace: Json, places: Mapping[str, str]) -> tuple[Json, dict[str, str]]:
    """The trace with placeholders, and the real values of those that are compared only with each other.

    `places` are the addresses of the stand-in servers, by their names.
    """
    found = Placeholders()
    for status in trace["status"]:
        _hold_status(found, status)
    for call in trace["webhooks"]:
        _hold_call(found, call["body"])
    real = {placeholder: value for value, placeholder in found.of.items()}
    text = _without_addresses(json.dumps(trace), found, places)
    return json.loads(text), real | _cookies_of(found, real)


def _without_addresses(text: str, found: Placeholders, places: Mapping[str, str]) -> str:
    for value in re.findall(r'"flagger-id": "([^"]+)"', text):
        found.hold("id", value)
    for name, value in re.findall(r"\b([fp]cookie)=([A-Za-z]{6,})", text):
        found.hold(name, value)
    text = found.put_into(text)
    for name, place in places.items():
        if name != "NS":
            text = text.replace(place, f"${{{name}}}")
    return CLUSTER_IP.sub("<ip>", text)


def _cookies_of(found: Placeholders, known: Mapping[str, str]) -> dict[str, str]:
    """Cookies that appear outside the status only."""
    late = {placeholder: value for value, placeholder in found.of.items() if placeholder not in known}
    return {placeholder: value for placeholder, value in late.items() if not placeholder.startswith("<id-")}


def _hold_status(found: Placeholders, status: Json) -> None:
    for field in HASHES:
        found.hold("hash", status.get(field))
    for field in COOKIES:
        name, _, value = (status.get(field) or "").partition("=")
        found.hold(name or "nameless", value)


def _hold_call(found: Placeholders, body: Json) -> None:
    """Checksums get a placeholder; the time of an Event webhook is nobody's to compare."""
    if not isinstance(body, dict):
        return
    found.hold("checksum", body.get("checksum"))
    if "timestamp" in (body.get("metadata") or {}):
        body["metadata"]["timestamp"] = "<milliseconds>"
