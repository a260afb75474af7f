"""Davy is put through Flagger's recorded scenarios on a real API server, and leaves the same record.

What differs on purpose stands in docs/differences.toml. All scenarios of a group are played side by side.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.conftest import missing
from tests.conformance.parts import build
from tests.conformance.parts.build import MissingPartError
from tests.conformance.parts.processes import free_ports
from tests.conformance.traces.needs import missing_parts
from tests.oracle.plane import Ports, Programs
from tests.oracle.rules import Rule, load
from tests.oracle.run import Recording, Setting
from tests.oracle.scenario import GROUPS, traces
from tests.oracle.verdict import Report, judged

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).parents[3]
CRDS = Path(os.environ.get("DAVY_CRDS") or ROOT.parent / "shared" / "crds")
FLAGGER = traces(Path(__file__).parent / "flagger-1.44.0")
UNPLAYABLE = {
    name: parts
    for name, trace in FLAGGER.items()
    if (parts := missing_parts(trace["scenario"], GROUPS[trace["scenario"]["group"]].flags))
}
PLAYABLE = sorted(FLAGGER.keys() - UNPLAYABLE.keys())
OPERATOR = f"{sys.executable} -m davy run -listen=127.0.0.1 {{flags}}"

Davys = Callable[[str], Any]
"""A scenario's name → the trace that Davy left."""


@pytest.fixture(scope="module")
def rules() -> Sequence[Rule]:
    return load()


@pytest.fixture(scope="module")
def davys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Davys:
    """Davy's traces; the first question for one records all scenarios of its group that this session asks for."""
    folder = tmp_path_factory.mktemp("davys-traces")
    wanted = selected(request.session.items)
    recorded: set[str] = set()

    def trace(name: str) -> Any:
        group = FLAGGER[name]["scenario"]["group"]
        if group not in recorded:
            recorded.add(group)
            record(group, [each for each in wanted if FLAGGER[each]["scenario"]["group"] == group], folder)
        return traces(folder)[name]

    return trace


def selected(items: Iterable[pytest.Item]) -> list[str]:
    """The scenarios that this session plays: a test of each was selected, and Davy has what it needs."""
    names = {item.callspec.params.get("name") for item in items if hasattr(item, "callspec")}
    return [name for name in PLAYABLE if name in names]


def record(group: str, names: Sequence[str], folder: Path) -> None:
    if not CRDS.is_dir():
        pytest.skip(f"no provider definitions in {CRDS}; set DAVY_CRDS")
    try:
        programs = Programs(build.program("etcd"), build.program("kube-apiserver"))
    except MissingPartError as error:
        missing(error)
    setting = Setting(
        operator=OPERATOR,
        crds=CRDS,
        out=folder,
        work=folder / "logs",
        programs=programs,
        ports=Ports(*free_ports(5)),
        own="davy.",
        own_crds=ROOT / "deploy" / "crds",
    )
    asyncio.run(Recording(setting, group, said).record([FLAGGER[name]["scenario"] for name in names]))


def said(text: str) -> None:
    print(text)  # noqa: T201 - pytest shows it when a test fails


@pytest.mark.parametrize("name", sorted(FLAGGER))
def test_davy_leaves_the_record_that_flagger_left(name: str, davys: Davys, rules: Sequence[Rule]) -> None:
    if name in UNPLAYABLE:
        pytest.skip(f"Davy has no {', '.join(UNPLAYABLE[name])}")
    verdict = judged(FLAGGER[name], davys(name), rules)
    if verdict.unlisted:
        pytest.fail(str(verdict), pytrace=False)


def test_every_rule_is_needed(
    request: pytest.FixtureRequest, davys: Davys, rules: Sequence[Rule], capsys: pytest.CaptureFixture[str]
) -> None:
    played = selected(request.session.items)
    if not played:
        pytest.skip("no scenario was played")
    report = Report(rules, [judged(FLAGGER[name], davys(name), rules) for name in played])
    with capsys.disabled():
        print("", *report.summary(), sep="\n")  # noqa: T201
    if played != PLAYABLE:
        pytest.skip(f"only {len(played)} of {len(PLAYABLE)} scenarios were played: a rule may be another one's")
    assert [rule.id for rule in report.unneeded()] == []
