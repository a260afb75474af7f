"""`python -m davy.api.schema [CRDS [REFERENCE]]`: print the definitions, or write them and their pages into folders."""

import sys
from pathlib import Path

import yaml

from davy.api.ref import Manifest
from davy.api.schema import crds
from davy.api.schema.reference import page

HEAD = "# Made from the types by `make docs`; changes here are lost.\n"


def as_yaml(crd: Manifest) -> str:
    """One definition as the text of its file."""
    text = yaml.safe_dump(crd, sort_keys=False, width=120, allow_unicode=True)
    return f"{HEAD}{text}"


def file_name(crd: Manifest) -> str:
    """The file that a definition is kept in."""
    return f"{crd['spec']['names']['plural']}.yaml"


def page_name(crd: Manifest) -> str:
    """The file that a kind's reference is kept in."""
    return f"{crd['spec']['names']['singular']}.md"


def main(arguments: list[str]) -> None:
    """Writes into the folders named, or to the terminal."""
    for crd in crds():
        match arguments:
            case []:
                sys.stdout.write(f"---\n{as_yaml(crd)}")
            case [definitions, *pages]:
                (Path(definitions) / file_name(crd)).write_text(as_yaml(crd))
                for folder in pages:
                    (Path(folder) / page_name(crd)).write_text(page(crd))


if __name__ == "__main__":
    main(sys.argv[1:])
