"""What people type: kubectl on a real and on the embedded server, with the words that the real one made it print."""

import shutil

import pytest
from tests.conformance.api.behaviour import Behaviour, chapters
from tests.conformance.api.differences import told
from tests.conformance.api.names import namespaces
from tests.conformance.api.play import Server, play

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on this machine"),
]

COMMANDS = [
    pytest.param(behaviour, id=behaviour.name) for chapter in chapters("kubectl") for behaviour in chapter.behaviours
]


@pytest.mark.parametrize("behaviour", COMMANDS)
async def test_kubectl_prints_as_recorded(behaviour: Behaviour, workshop: Server) -> None:
    answers = await play(behaviour, workshop, next(namespaces))
    assert not (text := told(behaviour, answers)), text
