"""The live screen: for each canary its phase, weight, pods, checks and requests; the last events below.

Made of lines of text, not of rich's tables: drawing it must take no time from the cluster that runs beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

from rich.text import Text

from davy.api.status import Phase
from davy.demo import words
from davy.demo.load.tally import Rate
from davy.demo.view import AppView, Check, Event, View

BAR = 50  # characters for 100 %, if there is room
SHORTEST_BAR = 10
SHARES = len("  primary 100 %  canary 100 %")  # characters beside the bar
RULE = 110  # characters of a heading at most
TITLE = 70  # characters of the story's part, if there is room
LABEL = 10  # characters of the first column
HEIGHT, WIDTH = 30, 118  # lines and characters, if nobody says otherwise
PRIMARY, CANARY = "blue", "yellow"
PHASES = {Phase.SUCCEEDED: "bold green", Phase.FAILED: "bold red", Phase.PROGRESSING: "bold yellow"}


def screen(view: View, height: int = HEIGHT, width: int = WIDTH) -> Text:
    """The whole screen; as many of the last events as there is room for."""
    above = [*_head(view, width), *(line for app in view.apps for line in _app(app, view.rates, width))]
    room = max(3, height - len(above) - 3)
    lines = [*above, _rule("events", "dim", width), *map(_event, view.events[-room:])]
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def _head(view: View, width: int) -> Iterator[Text]:
    """One line; two where the figures have no room beside the title."""
    failed = (f"{view.failed:,} failed", "bold red" if view.failed else "green")
    figures = Text.assemble(f"{view.elapsed:5.1f} s · {view.requests:,} requests · ", failed)
    room = min(TITLE, width - len(figures) - 1)
    if len(view.chapter) <= room:
        yield Text.assemble((f"{view.chapter:<{room}}", "bold"), " ", figures)
    else:
        yield Text(view.chapter, style="bold")
        yield figures


def _app(app: AppView, rates: Iterable[Rate], width: int) -> Iterator[Text]:
    room = width - LABEL
    yield _rule(f"{app.name} · {app.provider}", PHASES.get(app.phase, "bold"), width)
    yield _row("phase", _phase(app))
    yield _row("traffic", bar(app.weight, room - SHARES))
    yield _row("pods", _pods(app))
    yield from map(_row, chain(["checks"], repeat("")), _checks(app.checks, room))
    yield _row("requests", _requests(app, tuple(rates)))


def _rule(title: str, style: str, width: int) -> Text:
    return Text.assemble(("── ", "dim"), (title, style), (" ".ljust(min(RULE, width) - len(title) - 3, "─"), "dim"))


def _row(label: str, content: Text) -> Text:
    return Text.assemble((label.ljust(LABEL), "dim"), content)


def _phase(app: AppView) -> Text:
    text = Text(app.phase or "new", style=PHASES.get(app.phase, "bold"))
    if app.phase is Phase.PROGRESSING and app.step:
        text.append(f" · check {app.step}", style="default")
    if app.failed_checks:
        text.append(f" · {app.failed_checks} failed", style="red")
    return text


def bar(weight: int, room: int = BAR) -> Text:
    """The share of each side, in as many characters as there is room for; whoever has a share has a character."""
    length = max(SHORTEST_BAR, min(BAR, room))
    canary = min(max(round(weight * length / 100), weight > 0), length - (weight < 100))
    return Text.assemble(
        ("█" * (length - canary), PRIMARY),
        ("▒" * canary, CANARY),
        (f"  primary {100 - weight} %", PRIMARY),
        (f"  canary {weight} %", CANARY),
    )


def _pods(app: AppView) -> Text:
    return Text.assemble((f"primary {words.side(app.primary)}", PRIMARY), "   ", _canary_pods(app))


def _canary_pods(app: AppView) -> tuple[str, str]:
    return (f"canary {words.side(app.canary)}", CANARY) if app.canary.wanted else ("canary scaled to zero", "dim")


def _checks(checks: Iterable[Check], room: int) -> list[Text]:
    """All in one line, or each in its own."""
    texts = [Text(words.check(check), style=words.STYLES.get(check.verdict, "dim")) for check in checks]
    together = Text("   ").join(texts) if texts else Text("none yet", style="dim")
    return [together] if len(together) <= room else texts


def _requests(app: AppView, rates: Iterable[Rate]) -> Text:
    users = words.rates(rates, app.name) or "none yet"
    trial = words.rates(rates, f"{app.name}-canary")
    return Text.assemble(users, ("   canary Service: ", "dim"), trial) if trial else Text(users)


def _event(event: Event) -> Text:
    what = (f"{event.elapsed:7.1f} s  {event.app:<8}", "dim")
    return Text.assemble(what, (event.text, "yellow" if event.warning else ""))
