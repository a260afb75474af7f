"""Every behaviour, on a real and on the embedded server, against what the real one was seen to answer."""

import pytest
from tests.conformance.api.behaviour import Behaviour, chapters
from tests.conformance.api.differences import told
from tests.conformance.api.names import namespaces
from tests.conformance.api.play import Server, play

pytestmark = pytest.mark.conformance

BEHAVIOURS = [
    pytest.param(behaviour, id=f"{chapter.path.stem}: {behaviour.name}")
    for chapter in chapters("behaviours")
    for behaviour in chapter.behaviours
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_the_server_behaves_as_recorded(behaviour: Behaviour, server: Server) -> None:
    answers = await play(behaviour, server, next(namespaces))
    assert not (text := told(behaviour, answers)), text
