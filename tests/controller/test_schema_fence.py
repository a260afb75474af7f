"""The guard against a CustomResourceDefinition that would drop what must be remembered."""

from __future__ import annotations

from davy.api.ref import Manifest
from davy.api.schema import crds
from davy.controller.schema_fence import CURE, fault


def canaries() -> Manifest:
    return next(crd for crd in crds() if crd["spec"]["names"]["kind"] == "Canary")


def test_our_own_definition_passes() -> None:
    assert fault(canaries()) is None


def test_none_at_all_names_the_command_that_cures_it() -> None:
    assert fault(None) == f"the CustomResourceDefinition canaries.flagger.app is not installed; run: {CURE}"


def test_one_without_our_fields_is_named_with_the_fields_and_the_cure() -> None:
    flaggers = canaries()
    status = flaggers["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    for field in ("runStartedAt", "routedAt"):
        del status["properties"][field]
    why = fault(flaggers)
    assert why is not None
    assert "status.runStartedAt" in why
    assert why.endswith(CURE)
