"""`spec.analysis.webhooks`: addresses that can be called, and when."""

from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import urlsplit

from davy.api import durations
from davy.api.canary import Canary, Webhook
from davy.api.schema.limits import HOOKS
from davy.api.validate.known import Known
from davy.api.validate.problem import Problem, error, warning
from davy.settings import Settings

DECISIVE = ("confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion")
"""Without these a release does not go on; the others can fail at every call and nothing else happens."""


def problems(canary: Canary, settings: Settings, known: Known) -> Iterator[Problem]:
    """All problems of the webhooks."""
    for index, hook in enumerate(canary.analysis.webhooks):
        yield from hook_problems(hook, f"spec.analysis.webhooks[{index}]", canary.skips_analysis)


def hook_problems(hook: Webhook, path: str, skips_analysis: bool) -> Iterator[Problem]:
    """All problems of one webhook."""
    if hook.type not in HOOKS:
        known = sorted(filter(None, HOOKS))
        close = get_close_matches(hook.type, known, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        message = f"{hook.type!r} is not known, so this hook is never called{hint} (known: {', '.join(known)})"
        yield warning(f"{path}.type", "NeverCalled", message)
    # confirm-rollout is asked even if the analysis is skipped.
    decisive = hook.kind in DECISIVE and (hook.kind == "confirm-rollout" or not skips_analysis)
    say = error if decisive else warning
    if not callable_address(hook.url):
        yield say(
            f"{path}.url", "BadAddress", f"{hook.url!r} cannot be called; write a URL such as http://tester.test/"
        )
    if wrong := bad_timeout(hook):
        yield say(f"{path}.timeout", "BadDuration", wrong)


def callable_address(url: str) -> bool:
    """Whether a request can be sent there."""
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def bad_timeout(hook: Webhook) -> str:
    """What is wrong with a timeout; one of less than two characters is taken as left out, as in Flagger."""
    if len(hook.timeout) < 2:
        return ""
    try:
        durations.parse(hook.timeout)
    except ValueError as wrong:
        return str(wrong)
    return ""
