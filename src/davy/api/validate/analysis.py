"""`spec.analysis`: interval, steps, readiness, matches, alerts and session affinity."""

from collections.abc import Iterator

from davy.api import durations
from davy.api.canary import Analysis, Canary
from davy.api.schema.limits import SEVERITIES
from davy.api.validate.known import Known
from davy.api.validate.problem import Problem, error, warning
from davy.api.validate.target import provider_of
from davy.settings import Settings


def problems(canary: Canary, settings: Settings, known: Known) -> Iterator[Problem]:
    """All problems of these fields."""
    if canary.spec.analysis is None:
        if not canary.spec.skip_analysis:
            message = "is missing, so every new version is promoted untried; say how to try it, or set skipAnalysis"
            yield warning("spec.analysis", "NoAnalysis", message)
        return
    analysis = canary.spec.analysis
    yield from interval(analysis, settings)
    if not canary.skips_analysis:
        yield from steps(canary, analysis, settings)
    yield from readiness(analysis)
    yield from affinity(analysis)
    yield from alerts(analysis)


def interval(analysis: Analysis, settings: Settings) -> Iterator[Problem]:
    """The time between two steps: what cannot be read, or is too short, counts as something else."""
    path, text = "spec.analysis.interval", analysis.interval
    floor = settings.minimum_interval.total_seconds()
    try:
        seconds = durations.parse(text)
    except ValueError as wrong:
        words = str(wrong) if text else "is missing; write for example 30s or 1m30s"
        yield warning(path, "BadDuration", f"{words}; until then it counts as {durations.text_of(60)}")
        return
    if seconds < floor:
        shortest = durations.text_of(floor)
        message = f"{text} counts as {shortest}, which is the shortest; write {shortest} or more"
        yield warning(path, "IntervalTooShort", message)


def steps(canary: Canary, analysis: Analysis, settings: Settings) -> Iterator[Problem]:
    """How the release advances, if it does."""
    blue_green = provider_of(canary, settings) == "kubernetes"
    if analysis.match and blue_green:
        message = "provider kubernetes cannot tell requests apart; the release is blue/green, without these matches"
        yield warning("spec.analysis.match", "Ignored", message)
    elif analysis.match and analysis.iterations <= 0:
        message = "without iterations this is no A/B test: of the requests that match, the canary gets its weight"
        yield warning("spec.analysis.match", "MatchWithWeights", message)
    if analysis.iterations > 0:
        return
    if blue_green:
        message = "provider kubernetes has no weights: the release is blue/green with 10 iterations; write iterations"
        yield warning("spec.analysis", "WeightsIgnored", message)
        return
    yield from weights(analysis)


def weights(analysis: Analysis) -> Iterator[Problem]:
    """The weights that the release goes through."""
    walk, arrives = path_of(analysis)
    way = ", ".join(map(str, walk))
    if not arrives:
        yield stuck(analysis, walk)
    elif analysis.step_weights and tuple(walk) != analysis.step_weights:
        message = f"the release goes {way}; write the weights in that way"
        yield warning("spec.analysis.stepWeights", "StepsPassedOver", message)
    elif walk[-1] > analysis.weight_limit:
        limit = analysis.weight_limit
        message = f"no step meets {limit}: the release goes {way} and is then promoted; write a multiple of stepWeight"
        yield warning("spec.analysis.maxWeight", "MaxWeightPassed", message)


def stuck(analysis: Analysis, walk: list[int]) -> Problem:
    """In Flagger such a release ends neither well nor badly: it never was of use to anybody."""
    words = f"the release stops for ever at weight {walk[-1] if walk else 0}"
    if analysis.weight_limit > 100:
        message = f"{words} and never gets to {analysis.weight_limit}; write at most 100"
        return error("spec.analysis.maxWeight", "NoProgress", message)
    if analysis.step_weights and analysis.step_weight <= 0:
        return error("spec.analysis.stepWeights", "NoProgress", f"{words}; write weights above 0 that rise")
    return error("spec.analysis.stepWeight", "NoProgress", f"{words}; write a step above 0, or iterations")


def path_of(analysis: Analysis) -> tuple[list[int], bool]:
    """The weights from 0 to the promotion as Flagger computes them, and whether it gets there."""
    walk: list[int] = []
    weight = 0
    while weight < analysis.weight_limit:
        step = min(next_step(analysis, weight), 100 - weight)
        if step <= 0:
            return walk, False
        weight += step
        walk.append(weight)
    return walk, bool(walk)


def next_step(analysis: Analysis, weight: int) -> int:
    """What is added to a weight."""
    listed = analysis.step_weights
    if analysis.step_weight > 0 or not listed:
        return analysis.step_weight
    if weight == 0:
        return listed[0]
    place = listed.index(weight) if weight in listed else len(listed) - 1
    return listed[place + 1] - weight if place + 1 < len(listed) else 100 - weight


def readiness(analysis: Analysis) -> Iterator[Problem]:
    """Shares of pods that must be ready."""
    shares = (
        ("primaryReadyThreshold", analysis.primary_ready_threshold),
        ("canaryReadyThreshold", analysis.canary_ready_threshold),
    )
    for name, percent in shares:
        if percent > 100:
            message = f"{percent} percent of the pods can never be ready; write a number from 0 to 100"
            yield error(f"spec.analysis.{name}", "OutOfRange", message)


def affinity(analysis: Analysis) -> Iterator[Problem]:
    """The two cookies must differ."""
    cookies = analysis.session_affinity
    if cookies and cookies.cookie_name == cookies.primary_cookie_name:
        message = f"both cookies are called {cookies.cookie_name!r}; give the primary's another name, or leave it out"
        yield error("spec.analysis.sessionAffinity.primaryCookieName", "SameCookie", message)


def alerts(analysis: Analysis) -> Iterator[Problem]:
    """Alerts that nobody gets."""
    for index, alert in enumerate(analysis.alerts):
        path = f"spec.analysis.alerts[{index}].severity"
        if not alert.severity:
            yield warning(path, "NeverSent", "is empty, so nothing is ever sent; write info, warn or error")
        elif alert.severity not in SEVERITIES:
            message = f"{alert.severity!r} is not known, so nothing is ever sent; write info, warn or error"
            yield warning(path, "NeverSent", message)
