"""A promotion leaves nothing in the primary that the target no longer has, whoever wrote the primary last."""

import copy
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.conformance.hands.template_parts import PARTS, Part, app, at, places
from tests.conformance.parts.left import SETTINGS, Moment, leave, merge, recorded
from tests.conformance.parts.stage import DEPLOYMENT, Scene, Stage
from tests.conformance.parts.witness import Manifest

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

GONE = {"app.kubernetes.io/gone": "x"}
"""A label and annotation of the target that its primary gets, until the target has it no longer."""
OTHERS = {"example.com/kept": "y"}
"""What somebody else wrote at the primary."""
TARGET, PRIMARY = "Deployment/app", "Deployment/app-primary"


@dataclass(frozen=True)
class Promoted:
    """The Deployments' specs around the promotion of a template that has none of the parts any more."""

    before: Manifest
    target: Manifest
    primary: Manifest
    metadata: Manifest
    """The primary's, afterwards."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["flagger", "davy"])
async def promoted(stage: Stage, request: pytest.FixtureRequest) -> Promoted:
    """`flagger`: it had made the primary as it was before; `davy`: Davy itself had."""
    async with stage.scene(f"template-{request.param}") as scene:
        await (left(scene) if request.param == "flagger" else begun(scene))
        async with scene.operator(**SETTINGS["main"]):
            await scene.looked_at()
            await scene.reached("Initialized", "Succeeded")
            await scene.settled(1.5)
            before = await spec_of(scene, "app-primary")
            await scene.edit(DEPLOYMENT, "app-primary", {"metadata": {"labels": OTHERS, "annotations": OTHERS}})
            await bared(scene)
            await scene.reached("Progressing")
            await scene.reached("Succeeded", "Failed")
            await scene.settled(1.5)
        metadata = (await scene.get(DEPLOYMENT, "app-primary"))["metadata"]
        return Promoted(before, await spec_of(scene, "app"), await spec_of(scene, "app-primary"), metadata)


@pytest.mark.parametrize("part", PARTS, ids=str)
async def test_a_part_that_the_target_dropped_is_gone_from_the_primary(part: Part, promoted: Promoted) -> None:
    bare = moment().objects[TARGET]["spec"]
    changed = list(places(bare, with_parts(bare, "app", part)))
    assert changed
    for place in changed:
        assert at(promoted.before, place) != at(promoted.target, place), "it was not there before"
        assert at(promoted.primary, place) == at(promoted.target, place)


async def test_the_primary_is_the_target_but_for_its_identity(promoted: Promoted) -> None:
    template = copy.deepcopy(promoted.primary["template"])
    template["metadata"]["annotations"].pop("flagger-id")
    template["metadata"]["labels"]["app"] = "app"
    assert template == promoted.target["template"]


async def test_labels_and_annotations_of_a_chosen_prefix_go_too_and_others_stay(promoted: Promoted) -> None:
    assert promoted.metadata["labels"] == {"app": "app-primary", "app.kubernetes.io/part-of": "shop"} | OTHERS
    kept = promoted.metadata["annotations"].items()
    assert {"app.kubernetes.io/note": "kept"}.items() | OTHERS.items() <= kept
    assert "app.kubernetes.io/gone" not in promoted.metadata["annotations"]


def moment() -> Moment:
    return recorded("gwv1-promote")


def with_parts(spec: Manifest, label: str, *parts: Part) -> Manifest:
    made = copy.deepcopy(spec)
    for part in parts:
        part.added(made, label)
    return made


def marked() -> Manifest:
    return {"labels": GONE, "annotations": GONE}


async def left(scene: Scene) -> None:
    """Flagger's last release was of a target that had all the parts."""
    objects = moment().objects
    rich = {TARGET: with_parts(objects[TARGET]["spec"], "app", *PARTS)}
    rich[PRIMARY] = with_parts(objects[PRIMARY]["spec"], "app-primary", *PARTS)
    extras = {key: {"spec": spec, "metadata": marked()} for key, spec in rich.items()}
    await leave(moment(), scene, moment().trace.source, extras)
    await scene.settled(1.5)


async def begun(scene: Scene) -> None:
    """The same, with nothing of Flagger's."""
    target = moment().original(TARGET)
    assert target is not None
    merge(target["metadata"], marked())
    await scene.create({**target, "spec": with_parts(target["spec"], "app", *PARTS)})
    await scene.create(moment().trace.source)


async def bared(scene: Scene) -> None:
    """`kubectl replace` with a target that has none of the parts, and a new image."""
    live = await scene.get(DEPLOYMENT, "app")
    for words in ("labels", "annotations"):
        assert live["metadata"][words].pop(*GONE)
    spec = copy.deepcopy(moment().objects[TARGET]["spec"])
    app(spec)["image"] = "registry.example/app:2.0"
    await scene.stage.person.replace({**live, "spec": {**spec, "replicas": live["spec"]["replicas"]}})


async def spec_of(scene: Scene, name: str) -> Manifest:
    spec: Manifest = (await scene.get(DEPLOYMENT, name))["spec"]
    return spec
