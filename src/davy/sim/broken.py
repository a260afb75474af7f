"""What can be broken: each property of a safe release as the exception that says so. The text names the numbers."""

from __future__ import annotations


class Broken(AssertionError):  # noqa: N818 - the opposite of kept
    """A property was broken; the text is the sentence of the property, with the numbers."""


class Unserved(Broken):
    """A side with weight has no ready endpoint while the other side has some."""


class CutShort(Broken):
    """Capacity was taken away under traffic, or before requests under way had ended."""


class Starved(Broken):
    """A side that has traffic lost pods by our doing, though nobody who owns them asked for less."""


class Overloaded(Broken):
    """A side got traffic that it has not nearly the pods for."""


class LastCopy(Broken):
    """The last healthy copy was touched."""


class Unproven(Broken):
    """`Succeeded` without positive evidence."""


class FreeStep(Broken):
    """A step was taken before the one before it had lasted an interval."""


class Hasty(Broken):
    """A step was taken with a canary that is not ready."""


class Overshot(Broken):
    """The canary got more traffic than any step of the analysis gives it."""


class Gatecrashed(Broken):
    """A step was taken though a gate before it had not been found open."""


class Repeated(Broken):
    """One and the same call was made twice by an operator that never died."""


class Untold(Broken):
    """All is over, and a call to the outside that was owed has not been made."""


class Twice(Broken):
    """One command acted more than once."""


class Misled(Broken):
    """Users are kept with a side that does not serve, or by a cookie of another run."""


class Pinned(Broken):
    """The primary's autoscaler is held still by what was meant for the target's."""


class Unguarded(Broken):
    """The target is at zero and nothing holds the canary: deleting it would be an outage."""


class Abandoned(Broken):
    """The canary was let go, and with it the primary, before the target had anything back."""


class Forgetful(Broken):
    """The world shows a step that the status does not remember: a crash now would lose it."""


class Disordered(Broken):
    """The writes of one tick are not in the one safe order."""


class Unasked(Broken):
    """A run began though nobody edited the target."""


class Swallowed(Broken):
    """Everything rests, and the target's revision was neither released nor refused."""


class Untrue(Broken):
    """`canaryWeight` is not the real weight though everything rests."""
