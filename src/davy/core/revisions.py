"""What counts as a new revision: a hash over the target's template as the API server serves it.

A hash carries the name of its scheme. Schemes are never changed, only added: a status written with an old one is
compared by the old one, so that an upgrade of Davy starts no release.
"""

import hashlib
import re
from collections.abc import Callable, Mapping

import msgspec

CURRENT = "v1"


def _v1(template: object) -> str:
    """128 bits of sha256 over canonical JSON: keys sorted, no blanks, numbers and texts as served."""
    return hashlib.sha256(msgspec.json.encode(template, order="sorted")).hexdigest()[:32]


SCHEMES: Mapping[str, Callable[[object], str]] = {"v1": _v1}
FORM = re.compile(rf"({'|'.join(SCHEMES)}):[0-9a-f]{{32}}")


def revision(template: object, scheme: str = CURRENT) -> str:
    """The template's revision, `scheme:hash`. Raises KeyError for a scheme that never was."""
    return f"{scheme}:{SCHEMES[scheme](template)}"


def is_ours(text: str) -> bool:
    """Whether a hash in a status is one of ours; Flagger's have no scheme and cannot be recomputed."""
    return FORM.fullmatch(text) is not None


def is_revision_of(template: object, text: str) -> bool:
    """Whether the template is that revision, whatever scheme the hash was made with; never for a foreign hash."""
    return is_ours(text) and revision(template, text.partition(":")[0]) == text
