"""The file format of the behaviour suite: what is asked of an API server, step by step, and what a real one answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

HERE = Path(__file__).parent
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VERBS = (*METHODS, "WATCH", "EVENTS", "kubectl")


@dataclass(frozen=True, slots=True)
class Step:
    """One request, or one look at a watch. `written` is the step as in the file and keeps its order of keys."""

    written: Mapping[str, Any]

    @property
    def verb(self) -> str:
        return next(key for key in self.written if key in VERBS)

    @property
    def argument(self) -> Any:
        """A path, the arguments of kubectl, or for EVENTS how many to await."""
        return self.written[self.verb]

    def get(self, key: str, default: Any = None) -> Any:
        return self.written.get(key, default)

    def answered(self, answer: Any) -> Self:
        """The same step with another expected answer."""
        rest = {key: value for key, value in self.written.items() if key != "answer"}
        return type(self)(rest if answer is None else rest | {"answer": answer})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A named thing that an API server does, and why Davy cares where that is not plain."""

    name: str
    steps: tuple[Step, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One file of behaviours; `head` is the comment that it begins with."""

    path: Path
    head: str
    behaviours: tuple[Behaviour, ...]


def chapters(folder: str) -> Iterator[Chapter]:
    """All chapters of `folder` beside this module, in the order of their names."""
    for path in sorted((HERE / folder).glob("*.yaml")):
        yield read(path)


def read(path: Path) -> Chapter:
    text = path.read_text()
    head = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    return Chapter(path, head, tuple(_behaviour(written) for written in yaml.load(text, yaml.CSafeLoader)))


def write(chapter: Chapter) -> None:
    """Puts a chapter back into its file; the head is the only comment that survives."""
    body = yaml.dump(
        [_written(each) for each in chapter.behaviours],
        Dumper=_Dumper,
        sort_keys=False,
        width=150,
        allow_unicode=True,
        default_flow_style=None,
    )
    chapter.path.write_text(chapter.head + body.replace("\n- name:", "\n\n- name:"))


def _behaviour(written: Mapping[str, Any]) -> Behaviour:
    steps = tuple(Step(step) for step in written["steps"])
    return Behaviour(written["name"], steps, written.get("why", ""))


def _written(behaviour: Behaviour) -> dict[str, Any]:
    head = {"name": behaviour.name} | ({"why": behaviour.why} if behaviour.why else {})
    return head | {"steps": [dict(step.written) for step in behaviour.steps]}


class _Dumper(yaml.CSafeDumper):
    """Long texts in block style; no anchors, each answer stands for itself."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
