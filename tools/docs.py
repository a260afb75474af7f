"""Writes what is generated from the code: the map in ARCHITECTURE.md, the state diagram, the tables of reasons.

`python tools/docs.py` writes; `python tools/docs.py --check` exits 1 and names what is stale.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from davy.api.canary import Canary, CanarySpec, TargetRef
from davy.api.schema import crds
from davy.api.schema.__main__ import as_yaml, file_name, page_name
from davy.api.schema.reference import page
from davy.cli.go_flags import Flag
from davy.cli.run_flags import FLAGS
from davy.core.phases import TRANSITIONS
from davy.core.reasons import Reason
from davy.notifiers import NOTIFIERS
from davy.providers import PROVIDERS
from davy.routers import ROUTERS
from davy.routers.base import Feature
from davy.scalers import SCALERS
from davy.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "davy"
BEGIN, END = "<!-- generated: {name} -->", "<!-- end of {name} -->"


def first_line(path: Path) -> str:
    """What a module says it is."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return text.split("\n", 1)[0]


def modules(folder: Path) -> Iterator[Path]:
    """The Python files of a folder: the package's own first, then by name, folders last."""
    own = folder / "__init__.py"
    if own.exists():
        yield own
    yield from sorted(path for path in folder.glob("*.py") if path.name not in ("__init__.py", "__main__.py"))


def rooms() -> str:
    """One line a room: the packages and the modules that stand beside them."""
    found = [(f"{path.parent.name}/", path) for path in sorted(SOURCE.glob("*/__init__.py"))]
    found += [(path.name, path) for path in sorted(SOURCE.glob("*.py")) if path.name != "__init__.py"]
    return "\n".join(f"| `{name}` | {first_line(path)} |" for name, path in found)


def furniture() -> str:
    """Every module with its first line, folder by folder."""
    lines: list[str] = []
    for folder in sorted({path.parent for path in SOURCE.rglob("*.py")}):
        lines.append(f"\n### `{folder.relative_to(SOURCE.parent)}`\n")
        lines += [f"- `{path.name}`: {first_line(path)}" for path in modules(folder)]
    return "\n".join(lines).strip()


def states() -> str:
    """The transitions as a Mermaid state diagram."""
    moves = [
        f"    {before or '[*]'} --> {after}"
        for before, afters in TRANSITIONS.items()
        for after in sorted(afters)
        if after != "Terminating"
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *moves, "```"])


def reasons() -> str:
    rows = [f"| `{reason}` | {'yes' if reason.stalled else 'no'} | {reason.meaning} |" for reason in Reason]
    return "\n".join(["| reason | needs a human | meaning |", "|---|---|---|", *rows])


def families() -> str:
    rows = [f"| traffic provider | `{name}` | {features(name)} | {without(name)} |" for name in sorted(ROUTERS)]
    rows += [f"| target | `{kind}` ({group or 'core'}) | | |" for group, kind in sorted(TARGETS)]
    rows += [f"| autoscaler | `{kind}` ({group}) | | |" for group, kind in sorted(SCALERS)]
    rows += [f"| alerts | `{name}` | | |" for name in sorted(NOTIFIERS)]
    rows += [f"| metrics provider | `{name}` | | |" for name in sorted(PROVIDERS)]
    head = ["| family | name | can | what it cannot do, a release does without |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


PLAIN = Canary(spec=CanarySpec(target_ref=TargetRef("apps/v1", "Deployment", "app")))
INSTEAD = {
    Feature.WEIGHT: "weights: blue/green with 10 iterations",
    Feature.MATCH: "A/B: blue/green with as many iterations, and a Warning",
    Feature.MIRROR: "mirroring: that stage is skipped, and a Warning",
    Feature.SESSION_AFFINITY: "session affinity: passed over, and a condition",
}
"""What a release that asks for the feature does where the provider has not got it."""


def features(provider: str) -> str:
    names = sorted((feature.name or "").lower().replace("_", " ") for feature in ROUTERS[provider].features(PLAIN))
    return ", ".join(names) or "blue/green only"


def without(provider: str) -> str:
    can = ROUTERS[provider].features(PLAIN)
    return "; ".join(words for feature, words in INSTEAD.items() if feature not in can)


def flags() -> str:
    """Every flag of the operator that has an effect, by section."""
    rows: list[str] = []
    for title in dict.fromkeys(flag.section for flag in FLAGS if not flag.hidden):
        rows += [f"\n## {title}\n", "| flag | default | meaning |", "|---|---|---|"]
        rows += [row(flag) for flag in FLAGS if flag.section == title and not flag.hidden]
    return "\n".join(rows).strip()


def row(flag: Flag) -> str:
    default = "" if flag.default in (None, "") else f"`{flag.default}`"
    environment = f" (environment: `{flag.envvar}`)" if flag.envvar else ""
    meaning = (flag.help or "").replace("|", "\\|")
    return f"| `-{flag.name.replace('_', '-')}` | {default} | {meaning}{environment} |" if flag.name else ""


def whole(text: str) -> Callable[[str], str]:
    return lambda _: text


def section(name: str, text: str) -> Callable[[str], str]:
    """Replaces what stands between the marks of that name."""
    begin, end = BEGIN.format(name=name), END.format(name=name)

    def replaced(page: str) -> str:
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        return f"{head}{begin}\n{text}\n{end}{tail}"

    return replaced


def pages() -> Mapping[Path, tuple[Callable[[str], str], ...]]:
    """Each generated page, and how it is made from what is there."""
    return {
        ROOT / "ARCHITECTURE.md": (section("rooms", "| room | what it is |\n|---|---|\n" + rooms()),),
        ROOT / "docs" / "map.md": (section("map", furniture()),),
        ROOT / "docs" / "concepts" / "states.md": (section("states", states()), section("reasons", reasons())),
        ROOT / "docs" / "reference" / "families.md": (section("families", families()),),
        ROOT / "docs" / "reference" / "flags.md": (section("flags", flags()),),
        **{ROOT / "deploy" / "crds" / file_name(crd): (whole(as_yaml(crd)),) for crd in crds()},
        **{ROOT / "docs" / "reference" / page_name(crd): (whole(page(crd)),) for crd in crds()},
    }


def stale() -> list[str]:
    """The pages that are not what the code says, relative to the root."""
    return [
        str(path.relative_to(ROOT)) for path, page in made().items() if not path.exists() or path.read_text() != page
    ]


def made() -> dict[Path, str]:
    texts: dict[Path, str] = {}
    for path, steps in pages().items():
        text = path.read_text() if path.exists() else ""
        for step in steps:
            text = step(text)
        texts[path] = text
    return texts


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        found = stale()
        for page_ in found:
            sys.stderr.write(f"{page_} is stale; run `make docs`\n")
        return 1 if found else 0
    for path, text in made().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
