"""Names that come twice in a list that goes by names: an update accepts them, so a release must."""

import pytest
from tests.conformance.parts.left import SETTINGS, recorded
from tests.conformance.parts.stage import DEPLOYMENT, Stage

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

ENV = [{"name": "TWICE", "value": "1"}, {"name": "ONCE", "value": "x"}, {"name": "TWICE", "value": "2"}]
PORTS = [
    {"name": "http", "containerPort": 8080, "protocol": "TCP"},
    {"name": "again", "containerPort": 8080, "protocol": "TCP"},
]


@pytest.mark.parametrize(("field", "items"), [("env", ENV), ("ports", PORTS)])
async def test_what_comes_twice_in_a_template_is_copied_and_promoted(field: str, items: object, stage: Stage) -> None:
    moment = recorded("k8s-skip-analysis")
    target, canary = moment.trace.sources
    target["spec"]["template"]["spec"]["containers"][0][field] = items
    async with stage.scene(f"twice-{field}") as scene:
        await scene.create(target)
        await scene.create(canary)
        async with scene.operator(**SETTINGS["main"]):
            await scene.reached("Initialized")
            target["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/app:2.0"
            await scene.edit(DEPLOYMENT, "app", {"spec": {"template": target["spec"]["template"]}})
            await scene.reached("Progressing")
            await scene.reached("Succeeded")
            await scene.settled(1.0)
        primary = await scene.get(DEPLOYMENT, "app-primary")
        [container] = primary["spec"]["template"]["spec"]["containers"]
        assert (container["image"], container[field]) == ("registry.example/app:2.0", items)
