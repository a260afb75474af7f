"""The words of session affinity: what is said to a browser, and how its cookie is known again."""

import re

from davy.api import durations
from davy.api.analysis import Analysis, SessionAffinity

SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
"""What would be more than itself in a regular expression."""


def kept(affinity: SessionAffinity, cookie: str) -> str:
    """`Set-Cookie` that keeps a user at the canary. `cookie`: `name=value`."""
    return f"{cookie}; Max-Age={affinity.lifetime}{attributes(affinity)}"


def kept_primary(analysis: Analysis, affinity: SessionAffinity, cookie: str) -> str:
    """`Set-Cookie` that keeps a user at the primary until the next step: for one interval, as it is written."""
    seconds = int(durations.seconds_or(analysis.interval, durations.DEFAULT_INTERVAL))
    return f"{cookie}; Max-Age={max(seconds, 1)}{attributes(affinity)}"


def dropped(affinity: SessionAffinity, cookie: str) -> str:
    """`Set-Cookie` that takes the cookie away. A browser knows it by its attributes too: they are the same again."""
    return f"{cookie}; Max-Age=-1{attributes(affinity)}"


def attributes(affinity: SessionAffinity) -> str:
    """The attributes that are set, in Flagger's order."""
    said = (
        (affinity.domain, f"Domain={affinity.domain}"),
        (affinity.http_only, "HttpOnly"),
        (affinity.partitioned, "Partitioned"),
        (affinity.path, f"Path={affinity.path}"),
        (affinity.same_site, f"SameSite={affinity.same_site}"),
        (affinity.secure, "Secure"),
    )
    return "".join(f"; {text}" for wanted, text in said if wanted)


def usable(cookie: str) -> bool:
    """Whether it is `name=value`. (Flagger stores a primary cookie without a name where none is wanted.)"""
    name, _, value = cookie.partition("=")
    return bool(name and value)


def pattern(cookie: str) -> str:
    """RE2 expression for the whole `Cookie` header of a request that has the cookie."""
    name, _, value = cookie.partition("=")
    return f".*{literal(name)}.*{literal(value)}.*"


def literal(text: str) -> str:
    """RE2 expression for just this text."""
    return SPECIAL.sub(lambda found: "\\" + found.group(), text)
