"""What one whole release asks of the API server, request by request, Events included."""

from __future__ import annotations

from collections import Counter

from .apps import APPS
from .figure import Figure, Goal
from .tap import Asked, verbs
from .virtual import release

MOST = Goal(45)


def measure() -> list[Figure]:
    return [counted(words, release(words).asked) for words in APPS]


def counted(words: str, asked: list[Asked]) -> Figure:
    return Figure(
        what=f"requests of a release from 10 to 50 % ({words})",
        unit="requests",
        values=(float(len(asked)),),
        goal=None if "hooks" in words else MOST,
        note=f"{verbs(asked)}; that is {objects(asked)}.",
        load=None,
    )


def objects(asked: list[Asked]) -> str:
    """`12 of canaries/status, 9 of events`, the most first."""
    counted = Counter(resource(each.path) for each in asked)
    return ", ".join(f"{count} of {what}" for what, count in counted.most_common())


def resource(path: str) -> str:
    """Plural and subresource in a path below a namespace."""
    plural, *rest = path.partition("/namespaces/")[2].split("/")[1:]
    return "/".join([plural, *rest[1:2]])
