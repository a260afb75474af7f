"""Every sentence shown to people, Flagger's wording where Flagger has it, each with the word that programs may match.

The sentences of the first part are contracts: dashboards, scripts and people grep for them.
"""

from __future__ import annotations

from davy.api.canary import Canary
from davy.api.status import Phase
from davy.core.plan import Announcement

NORMAL = "Normal"
WARNING = "Warning"


def target_of(canary: Canary) -> str:
    """`podinfo.test`: the target as Flagger's sentences name it."""
    return f"{canary.spec.target_ref.name}.{canary.namespace}"


def primary_of(canary: Canary) -> str:
    return f"{canary.primary_name}.{canary.namespace}"


def providers_available(canary: Canary) -> Announcement:
    return Announcement(NORMAL, "all the metrics providers are available!", "MetricsProvidersAvailable")


def provider_away(metric: str, words: str) -> Announcement:
    return Announcement(WARNING, f"Metric provider for {metric} not available: {words}", "MetricsProviderUnavailable")


def initialized(canary: Canary) -> Announcement:
    return Announcement(NORMAL, f"Initialization done! {canary.name}.{canary.namespace}", "Initialized")


def new_revision(canary: Canary) -> Announcement:
    return Announcement(NORMAL, f"New revision detected! Scaling up {target_of(canary)}", "NewRevision")


def restarting(canary: Canary) -> Announcement:
    return Announcement(
        NORMAL, f"New revision detected! Restarting analysis for {target_of(canary)}", "NewRevisionRestart"
    )


def starting(canary: Canary) -> Announcement:
    return Announcement(NORMAL, f"Starting canary analysis for {target_of(canary)}", "AnalysisStarted")


def weight_advanced(canary: Canary, weight: int) -> Announcement:
    sentence = f"Advance {canary.name}.{canary.namespace} canary weight {weight}"
    return Announcement(NORMAL, sentence, "CanaryWeightAdvanced")


def iteration_advanced(canary: Canary, done: int, of: int) -> Announcement:
    sentence = f"Advance {canary.name}.{canary.namespace} canary iteration {done}/{of}"
    return Announcement(NORMAL, sentence, "IterationAdvanced")


def primary_weight_advanced(canary: Canary, weight: int) -> Announcement:
    sentence = f"Advance {canary.name}.{canary.namespace} primary weight {weight}"
    return Announcement(NORMAL, sentence, "PrimaryWeightAdvanced")


def all_to_canary(canary: Canary) -> Announcement:
    return Announcement(NORMAL, "Routing all traffic to canary", "AllTrafficToCanary")


def mirroring_stopped(canary: Canary) -> Announcement:
    return Announcement(NORMAL, "Stop traffic mirroring and route all traffic to canary", "AllTrafficToCanary")


def all_to_primary(canary: Canary) -> Announcement:
    return Announcement(NORMAL, "Routing all traffic to primary", "AllTrafficToPrimary")


def copying(canary: Canary) -> Announcement:
    sentence = f"Copying {target_of(canary)} template spec to {primary_of(canary)}"
    return Announcement(NORMAL, sentence, "PromotionStarted")


def promoted(canary: Canary) -> Announcement:
    return Announcement(NORMAL, f"Promotion completed! Scaling down {target_of(canary)}", "Promoted")


def promoted_unanalysed(canary: Canary) -> Announcement:
    sentence = f"Promotion completed! Canary analysis was skipped for {target_of(canary)}"
    return Announcement(NORMAL, sentence, "PromotedUnanalysed")


def halted(canary: Canary, why: str) -> Announcement:
    return Announcement(WARNING, f"Halt {canary.name}.{canary.namespace} advancement {why}", "CheckFailed")


def no_values(canary: Canary, metric: str, provider: str) -> Announcement:
    sentence = (
        f"Halt advancement no values found for {provider} metric {metric} "
        f"probably {target_of(canary)} is not receiving traffic"
    )
    return Announcement(WARNING, sentence, "CheckWithoutData")


def metric_error(canary: Canary, metric: str, words: str) -> Announcement:
    return Announcement(WARNING, f"Metric {metric} of {canary.name}.{canary.namespace}: {words}", "CheckError")


def threshold_reached(canary: Canary, failed: int) -> Announcement:
    sentence = f"Rolling back {canary.name}.{canary.namespace} failed checks threshold reached {failed}"
    return Announcement(WARNING, sentence, "ThresholdReached")


def rolling_back(canary: Canary, why: str) -> Announcement:
    return Announcement(WARNING, f"Rolling back {canary.name}.{canary.namespace} {why}", "RollingBack")


def failed(canary: Canary) -> Announcement:
    return Announcement(WARNING, f"Canary failed! Scaling down {canary.name}.{canary.namespace}", "Failed")


def promotion_failed(canary: Canary, why: str) -> Announcement:
    sentence = f"Promotion of {canary.name}.{canary.namespace} failed, primary not ready: {why}"
    return Announcement(WARNING, sentence, "PromotionFailed")


def recovered(canary: Canary) -> Announcement:
    return Announcement(NORMAL, f"{primary_of(canary)} is ready now, the promotion goes on", "PromotionResumed")


def primary_not_ready(canary: Canary, why: str) -> Announcement:
    daemons = "primary daemonset " if canary.spec.target_ref.kind == "DaemonSet" else ""
    return Announcement(WARNING, f"{daemons}{primary_of(canary)} not ready: {why}", "PrimaryNotReady")


def canary_not_ready(canary: Canary, why: str, *, hopeless: bool = False) -> Announcement:
    """`hopeless`: it will not become ready any more. (Flagger says so of DaemonSets only, and spells them so.)"""
    kind = canary.spec.target_ref.kind
    if kind == "DaemonSet":
        retryable = str(not hopeless).lower()
        sentence = f"canary damonset {target_of(canary)} not ready with retryable {retryable}: {why}"
    else:
        sentence = f"canary {kind.lower()} {target_of(canary)} not ready: {why}"
    return Announcement(WARNING, sentence, "CanaryNotReady")


def terminating(canary: Canary) -> Announcement:
    return Announcement(NORMAL, f"Terminating canary {canary.name}.{canary.namespace}", "Terminating")


def terminated(canary: Canary) -> Announcement:
    return Announcement(NORMAL, f"Terminated canary {canary.name}.{canary.namespace}", "Terminated")


def invalid(problems: str) -> Announcement:
    return Announcement(WARNING, f"Invalid spec, nothing is started: {problems}", "InvalidSpec")


def target_missing(canary: Canary) -> Announcement:
    kind, name = canary.spec.target_ref.kind, canary.spec.target_ref.name
    plural = f"{kind.lower()}s.apps"
    return Announcement(
        WARNING, f'{kind.lower()} {target_of(canary)} get query error: {plural} "{name}" not found', "TargetMissing"
    )


def gate_passed(kind: str, name: str) -> Announcement:
    """`Confirm-rollout check approve passed`; also of hooks before and after a run."""
    return Announcement(NORMAL, f"{kind.capitalize()} check {name} passed", "HookPassed")


WAITS = {
    "confirm-rollout": "approval",
    "confirm-traffic-increase": "traffic increase approval",
    "confirm-promotion": "promotion approval",
}


def gate_closed(canary: Canary, kind: str, name: str) -> Announcement:
    return halted_by(canary, f"waiting for {WAITS[kind]} {name}", "GateClosed")


def halted_by(canary: Canary, why: str, action: str) -> Announcement:
    return Announcement(WARNING, f"Halt {canary.name}.{canary.namespace} advancement {why}", action)


def pre_rollout_failed(canary: Canary, name: str, words: str) -> Announcement:
    return halted_by(canary, f"pre-rollout check {name} failed {words}", "HookFailed")


def rollout_hook_failed(canary: Canary, name: str, words: str) -> Announcement:
    return halted_by(canary, f"external check {name} failed {words}", "HookFailed")


def post_rollout_failed(name: str, words: str) -> Announcement:
    return Announcement(WARNING, f"Post-rollout hook {name} failed {words}", "HookFailed")


def not_signalling(name: str) -> Announcement:
    return Announcement(NORMAL, f"Rollback hook {name} not signaling a rollback", "RollbackNotSignaled")


def rollback_signalled(name: str) -> Announcement:
    return Announcement(WARNING, f"Rollback check {name} passed", "RollbackSignaled")


def commanded(canary: Canary, outcome: str, *, refused: bool) -> Announcement:
    action = "CommandRefused" if refused else "CommandDone"
    return Announcement(WARNING if refused else NORMAL, f"{canary.name}.{canary.namespace}: {outcome}", action)


def restart_loop(canary: Canary, between: str) -> Announcement:
    sentence = f"Stopping {canary.name}.{canary.namespace}: the target was changed back and forth between {between}"
    return Announcement(WARNING, sentence, "RestartLoop")


def matches_unsupported(provider: str) -> Announcement:
    sentence = f"A/B testing is not supported when using the {provider} provider"
    return Announcement(WARNING, sentence, "MatchesUnsupported")


def mirror_unsupported(provider: str) -> Announcement:
    sentence = f"Mirroring is not supported when using the {provider} provider, that stage is skipped"
    return Announcement(WARNING, sentence, "MirrorUnsupported")


def weights_unsupported(canary: Canary, provider: str, iterations: int) -> tuple[Announcement, ...]:
    """A provider that cannot shift traffic was given weights: the run is watched as blue/green."""
    return (
        Announcement(
            WARNING,
            f"Progressive traffic is not supported when using the {provider} provider",
            "WeightsUnsupported",
        ),
        Announcement(
            WARNING,
            f"Setting canaryAnalysis.iterations: {iterations}",
            "WeightsUnsupported",
        ),
    )


PROMOTED = {
    Phase.NONE: ("Unknown", "New {kind} detected, starting initialization."),
    Phase.INITIALIZING: ("Unknown", "New {kind} detected, starting initialization."),
    Phase.INITIALIZED: ("True", "{kind} initialization completed."),
    Phase.WAITING: ("Unknown", "Waiting for approval."),
    Phase.PROGRESSING: ("Unknown", "New revision detected, progressing canary analysis."),
    Phase.WAITING_PROMOTION: ("Unknown", "Waiting for approval."),
    Phase.PROMOTING: ("Unknown", "Canary analysis completed, starting primary rolling update."),
    Phase.FINALISING: ("Unknown", "Canary analysis completed, routing all traffic to primary."),
    Phase.SUCCEEDED: ("True", "Canary analysis completed successfully, promotion finished."),
    Phase.FAILED: ("False", "Canary analysis failed, {kind} scaled to zero."),
    Phase.TERMINATING: ("Unknown", "New {kind} detected, starting initialization."),
    Phase.TERMINATED: ("Unknown", "New {kind} detected, starting initialization."),
}
"""Status and message of Flagger's condition `Promoted` in each phase."""
