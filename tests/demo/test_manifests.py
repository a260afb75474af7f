"""What the demo applies can be read by the operator, and a release changes the template and nothing else."""

import msgspec
import pytest

from davy.api.canary import Canary
from davy.demo.manifests import APPS, BAD, FIRST, GOOD, App, canary, deployment, released
from davy.demo.seen import Deployment


@pytest.mark.parametrize("app", APPS)
def test_a_canary_is_what_the_operator_reads(app: App) -> None:
    read = msgspec.convert(canary(app), Canary, strict=True)
    assert (read.spec.provider, read.target.name) == (app.provider, app.name)
    assert read.strategy() == ("canary" if app.routed else "blue-green")


@pytest.mark.parametrize("release", [FIRST, GOOD, BAD])
def test_a_deployment_tells_its_release(release: object) -> None:
    assert isinstance(release, type(GOOD))
    read = msgspec.convert(deployment(APPS[0], release), Deployment)
    assert read.version == release.version


def test_a_release_changes_the_container_only() -> None:
    template = released(BAD)["spec"]
    assert list(template) == ["template"]
    container = template["template"]["spec"]["containers"][0]
    assert sorted(container) == ["env", "image", "name"]
