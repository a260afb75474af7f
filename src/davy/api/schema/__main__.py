"""`python -m davy.api.schema`: print the definitions as YAML, or write them into a folder, one file each."""

import sys
from pathlib import Path

import yaml

from davy.api.ref import Manifest
from davy.api.schema import crds

HEAD = "# Made from the types in src/davy/api by `python -m davy.api.schema deploy/crds`; changes here are lost.\n"


def as_yaml(crd: Manifest) -> str:
    """One definition as the text of its file."""
    text = yaml.safe_dump(crd, sort_keys=False, width=120, allow_unicode=True)
    return f"{HEAD}{text}"


def file_name(crd: Manifest) -> str:
    """The file that a definition is kept in."""
    return f"{crd['spec']['names']['plural']}.yaml"


def main(arguments: list[str]) -> None:
    """Writes into the folder named, or to the terminal."""
    for crd in crds():
        if arguments:
            (Path(arguments[0]) / file_name(crd)).write_text(as_yaml(crd))
        else:
            sys.stdout.write(f"---\n{as_yaml(crd)}")


if __name__ == "__main__":
    main(sys.argv[1:])
