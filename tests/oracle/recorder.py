"""The record of one namespace: all that an operator writes, calls and asks there, in its order."""

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import NamedTuple

from tests.oracle.comparable import comparable, comparable_status
from tests.oracle.kinds import FIELD_MANAGER, Json
from tests.oracle.masking import masked
from tests.oracle.pointers import delta

COMBINED = "(combined from similar events): "
"""What some client libraries put before an Event that they take for a repetition."""


class Event(NamedTuple):
    """One sentence on the Canary, whatever the number of its repetitions."""

    type: str
    reason: str
    message: str


@dataclass(slots=True)
class History:
    """The states of one object; `touched` if the operator wrote it."""

    states: list[Json] = field(default_factory=list)
    written: dict[int, str] = field(default_factory=dict)
    """The resource version of each state, and the API version that it was seen in."""
    versions: set[str] = field(default_factory=set)
    touched: bool = False
    deleted: bool = False

    def claim(self, harness: Set[int]) -> None:
        """What the harness did not write, the operator did: a scale to zero leaves no name in managedFields."""
        own = self.written.keys() - harness
        if own and not self.touched:
            self.touched = True
            self.versions |= {self.written[version] for version in own}


class Recorder:
    """Told of every change in its namespace; `changed` is set then, for those who wait.

    `fields` are those of a status that are recorded, `own` is the prefix of the operator's own labels and annotations,
    `harness` the resource versions that the harness wrote itself.
    """

    def __init__(self, namespace: str, fields: Set[str], own: str, harness: Set[int]) -> None:
        self.namespace = namespace
        self.status: list[Json] = []
        self.changed = asyncio.Event()
        self._fields, self._own, self._harness = fields, own, harness
        self._events: dict[Event, int] = {}
        self._objects: dict[str, History] = {}
        self._order: list[tuple[int, str]] = []

    @property
    def messages(self) -> list[str]:
        """The distinct Events in the order in which they were seen."""
        return [event.message for event in self._events]

    def seen(self, kind: str, change: str, manifest: Json) -> None:
        """A change of an object of the namespace, as a watch tells it."""
        version = int(manifest["metadata"]["resourceVersion"])
        if kind == "Event":
            self._see_event(version, manifest)
        else:
            self._see_object(version, kind, change, manifest)
        self.changed.set()

    def _see_event(self, version: int, event: Json) -> None:
        if event["involvedObject"].get("kind") == "Canary":
            what = Event(event["type"], event["reason"], event["message"].removeprefix(COMBINED))
            self._events.setdefault(what, version)

    def _see_object(self, version: int, kind: str, change: str, manifest: Json) -> None:
        key = f"{kind}/{manifest['metadata']['name']}"
        history = self._objects.setdefault(key, History())
        if change == "DELETED":
            history.deleted = True
            self._order.append((version, f"{key} deleted"))
        else:
            note_writers(history, manifest)
            self._see_state(version, key, history, manifest, comparable(kind, manifest, self._own))
        if kind == "Canary" and manifest.get("status"):
            self._see_status(version, key, comparable_status(manifest["status"], self._fields))

    def _see_state(self, version: int, key: str, history: History, manifest: Json, state: Json) -> None:
        if not history.states or history.states[-1] != state:
            history.states.append(state)
            history.written[version] = manifest["apiVersion"]
            self._order.append((version, f"{key} #{len(history.states) - 1}"))

    def _see_status(self, version: int, key: str, state: Json) -> None:
        if not self.status or self.status[-1] != state:
            self.status.append(state)
            self._order.append((version, f"{key}.status #{len(self.status) - 1}"))

    def trace(
        self, scenario: Json, ended: str, calls: list[Json], queries: list[str], places: Mapping[str, str]
    ) -> Json:
        """The whole record in the form of the traces. `calls` are all calls of webhooks in their order."""
        for history in self._objects.values():
            history.claim(self._harness)
        events = sorted(self._events.items(), key=lambda item: (item[1], item[0]))
        raw = {
            "scenario": scenario,
            "ended": ended,
            "status": self.status,
            "events": [event._asdict() for event, _ in events],
            "webhooks": [call for call, _ in groupby(calls)],
            "queries": queries,
            "objects": {key: _whole(each) for key, each in sorted(self._objects.items()) if each.touched},
            "order": self._kept_order(),
        }
        trace, real = masked(raw, places)
        for each in trace["objects"].values():
            each["states"] = each["states"][:1] + [delta(one, other) for one, other in pairwise(each["states"])]
        return trace | {"masked": real}

    def _kept_order(self) -> list[str]:
        """What the API server stored one after another: the statuses, and the states of objects the operator wrote."""
        ordered = (entry for _, entry in sorted(self._order, key=lambda item: item[0]))
        return [entry for entry in ordered if ".status #" in entry or self._objects[entry.split(" ")[0]].touched]


def note_writers(history: History, manifest: Json) -> None:
    """Keeps who wrote an object, statuses aside: the operator, if it was not the harness."""
    for each in manifest["metadata"].get("managedFields", ()):
        if each.get("manager") != FIELD_MANAGER and each.get("subresource") != "status":
            history.touched = True
            history.versions |= {each["apiVersion"]} if each.get("apiVersion") else set()


def _whole(history: History) -> Json:
    return {"apiVersions": sorted(history.versions), "deleted": history.deleted, "states": history.states}
