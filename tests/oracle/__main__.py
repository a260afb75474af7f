"""The oracle's commands: record what an operator writes to a real API server, and compare two recordings.

    python -m tests.oracle record --from DIR --operator 'CMD {flags}' --out DIR --etcd BIN --apiserver BIN --crds DIR …
    python -m tests.oracle compare DIR_A DIR_B [--rules FILE]

The scenarios are read from the traces in --from: each holds its objects and its script. CMD gets KUBECONFIG and
METRICS_URL in its environment; {flags}, {kubeconfig}, {metrics}, {port} and {settings} are replaced in it. What an
operator adds to Flagger's API is left out of the record: status fields and condition types that Flagger does not have,
labels and annotations that begin with --own.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from tests.conformance.parts import build
from tests.oracle.compare import compared
from tests.oracle.plane import Ports, Programs
from tests.oracle.rules import FILE, load
from tests.oracle.run import Recording, Setting
from tests.oracle.scenario import GROUPS, chosen, traces

NAME = "python -m tests.oracle"
PEER_PORT_OFFSET = 10


def main() -> None:
    wanted = parsed()
    sys.exit(wanted.command(wanted))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=NAME, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    recording(commands.add_parser("record", help="play scenarios against an operator and record what it writes"))
    comparing(commands.add_parser("compare", help="compare two recordings"))
    return parser.parse_args()


def recording(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=record)
    add = parser.add_argument
    add("--from", dest="source", type=Path, required=True, help="folder of traces, whose scenarios are played")
    add("--operator", required=True, help="its command")
    add("--out", type=Path, required=True, help="folder that the new traces go to")
    add("--crds", type=absolute, required=True, help="folder of the providers' CRDs")
    add("--own", default="", help="prefix of the operator's own labels and annotations, e.g. davy.")
    add("--own-crds", type=absolute, help="file or folder of the operator's CRDs, installed instead of Flagger's")
    add("--user", default="operator", help="name of the operator's user")
    add("--etcd", type=absolute, help="the program; built if left out")
    add("--apiserver", type=absolute, help="the program; built if left out")
    add("--work", type=absolute, default=Path(tempfile.gettempdir(), "oracle-work"), help="folder for logs")
    add("--port", type=int, default=7443, help="API server; +1 is the operator's own port, +2 the stand-in servers")
    add("--etcd-port", type=int, default=24790)
    add("--scenario", action="append", default=[], metavar="GLOB", help="only these; may be given several times")
    add("--group", default=",".join(GROUPS), help="only these groups of scenarios, with commas")
    add("--parallel", type=int, default=70, help="how many scenarios are played side by side")


def comparing(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=compare)
    add = parser.add_argument
    add("flagger", type=Path, help="folder of traces: how it should be")
    add("davy", type=Path, help="folder of traces of the same scenarios")
    add("--rules", type=Path, default=FILE, help="differences that are on purpose; docs/differences.toml if left out")
    add("--no-rules", action="store_true", help="show every difference")


def absolute(path: str) -> Path:
    return Path(path).absolute()


def record(wanted: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    scenarios = [trace["scenario"] for trace in traces(wanted.source).values()]
    selected = chosen(scenarios, wanted.scenario)
    if not selected:
        sys.exit(f"no scenario of {wanted.source} matches {', '.join(wanted.scenario) or '*'}")
    for group in wanted.group.split(","):
        mine = [each for each in selected if each["group"] == group]
        if mine:
            asyncio.run(Recording(setting(wanted), group, said).record(mine))
    return 0


def compare(wanted: argparse.Namespace) -> int:
    report = compared(wanted.flagger, wanted.davy, () if wanted.no_rules else load(wanted.rules))
    said("\n".join(report.lines()))
    return 0 if report.alike else 1


def said(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def setting(wanted: argparse.Namespace) -> Setting:
    programs = Programs(wanted.etcd or build.program("etcd"), wanted.apiserver or build.program("kube-apiserver"))
    first, etcd = wanted.port, wanted.etcd_port
    return Setting(
        operator=wanted.operator,
        crds=wanted.crds,
        out=wanted.out.absolute(),
        work=wanted.work,
        programs=programs,
        ports=Ports(first, first + 1, first + 2, etcd, etcd + PEER_PORT_OFFSET),
        own=wanted.own,
        own_crds=wanted.own_crds,
        user=wanted.user,
        parallel=wanted.parallel,
    )


if __name__ == "__main__":
    main()
