"""The run in plain lines, for pipes and logs: one line for each thing that has changed between two views."""

from __future__ import annotations

from collections.abc import Iterator

from davy.demo import words
from davy.demo.view import AppView, View

LOAD_EVERY = 5.0  # seconds between two lines about the requests


def lines(before: View, now: View) -> Iterator[str]:
    """What is new in `now`, but for the requests."""
    if now.chapter != before.chapter:
        yield from ("", f"── {now.chapter} ──")
    for event in now.events[len(before.events) :]:
        yield _line(event.elapsed, event.app, f"{'! ' if event.warning else '· '}{event.text}")
    known = {app.name: app for app in before.apps}
    for app in now.apps:
        for text in _app(known.get(app.name, AppView(app.name, app.provider)), app):
            yield _line(now.elapsed, app.name, text)


def load(told: View, now: View) -> Iterator[str]:
    """What there is to say of the requests; `told` is when something was said of them last.

    The first failure is told at once, all others with the next line that is due.
    """
    due = now.elapsed // LOAD_EVERY > told.elapsed // LOAD_EVERY
    if now.failed > told.failed and (due or not told.failed):
        yield _line(now.elapsed, "load", f"✗ {now.failed:,} requests have failed that should not have")
    if now.requests and due:
        yield _line(now.elapsed, "load", _load(now))


def _app(before: AppView, now: AppView) -> Iterator[str]:
    new = [check for check in now.checks if check.time > before.judged]
    if new:
        yield "  ".join(words.check(check) for check in new)
    if now.phase is not before.phase:
        yield f"{now.phase}: primary {words.side(now.primary)}, canary {words.side(now.canary)}"


def _load(view: View) -> str:
    targets = dict.fromkeys(rate.target for rate in view.rates)
    shares = "   ".join(f"{target}: {words.rates(view.rates, target)}" for target in targets)
    return f"{view.requests:,} requests, {view.failed:,} failed   {shares}"


def _line(elapsed: float, what: str, text: str) -> str:
    return f"{elapsed:6.1f} s  {what:<7}  {text}"
