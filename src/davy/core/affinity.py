"""Session cookies: what keeps users with the side that they came to first, during one run.

Nothing is random: a cookie follows from the canary, the revision and the start of the run, so that a status that is
written again after a crash is the same.
"""

from __future__ import annotations

import hashlib
import string

from msgspec.structs import replace

from davy.api.analysis import SessionAffinity
from davy.api.status import CanaryStatus
from davy.core import runs
from davy.core.snapshot import Snapshot

LENGTH = 10


def with_cookies(s: Snapshot, status: CanaryStatus) -> CanaryStatus:
    """The status with the cookies that its weight calls for.

    While the canary has a share, users get its cookie; when it has none any more, the cookie is one to be taken away.
    """
    wanted = s.canary.analysis.session_affinity
    if wanted is None or not s.keeps_sessions:
        return status
    if status.canary_weight > 0:
        return issued(s, status, wanted)
    if not status.session_affinity_cookie:
        return status
    return replace(status, previous_session_affinity_cookie=status.session_affinity_cookie, session_affinity_cookie="")


def issued(s: Snapshot, status: CanaryStatus, wanted: SessionAffinity) -> CanaryStatus:
    return replace(
        status,
        session_affinity_cookie=kept(s, status, wanted.cookie_name, status.session_affinity_cookie),
        primary_session_affinity_cookie=kept(
            s, status, wanted.primary_cookie_name, status.primary_session_affinity_cookie
        ),
    )


def kept(s: Snapshot, status: CanaryStatus, name: str, cookie: str) -> str:
    """The cookie as it is, or a new one if there is none, or none of that name."""
    return cookie if cookie.startswith(f"{name}=") else f"{name}={letters(s, status, name)}"


def letters(s: Snapshot, status: CanaryStatus, name: str) -> str:
    """Ten letters, as in Flagger."""
    origin = "/".join((s.canary.metadata.uid, runs.applied(status), status.run_started_at or "", name))
    digest = hashlib.sha256(origin.encode()).digest()
    return "".join(string.ascii_letters[byte % len(string.ascii_letters)] for byte in digest[:LENGTH])
