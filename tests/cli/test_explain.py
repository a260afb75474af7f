"""`davy explain`: a case is replayed and told, and what it breaks is the last line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import json

from davy.cli.main import main
from davy.core import hold
from davy.sim.faults import Crash, Deed, Faults
from davy.sim.scenarios import ALL, Case

CASE = Case(ALL["good, weighted"], Faults(crashes=(Crash(3, 5),), deeds=(Deed(do="annotate", value="x", second=1),)))


def explained(case: Case, tmp_path: Path) -> tuple[int, list[str]]:
    file = tmp_path / "case.json"
    file.write_bytes(json.encode(case))
    result = CliRunner().invoke(main, ["explain", str(file)])
    return result.exit_code, result.output.splitlines()


def test_a_run_is_told_moment_by_moment(tmp_path: Path) -> None:
    code, lines = explained(CASE, tmp_path)
    assert code == 0
    words = [line.split()[1] for line in lines]
    assert {"others", "write", "say", "ask", "davy"} <= set(words)
    assert words[-1] == "end"
    numbers = [int(line.split()[2]) for line in lines if line.split()[1] == "write"]
    assert numbers == [*range(1, len(numbers) + 1)]


def test_what_is_broken_is_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "safe", lambda s, wanted: wanted)
    case = Case(ALL["good, weighted"], Faults(deeds=(Deed(do="lose target", value=30, second=8),)))
    code, lines = explained(case, tmp_path)
    assert code == 1
    assert lines[-1].startswith("broken: Unserved: ")


@pytest.mark.parametrize("text", ["", "{}", '{"scenario": 1}'])
def test_a_file_that_is_no_case_is_refused(text: str) -> None:
    result = CliRunner().invoke(main, ["explain", "-"], input=text)
    assert result.exit_code == 2
    assert "no case of the simulator" in result.output
