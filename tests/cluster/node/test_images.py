"""What an image stands for."""

from __future__ import annotations

import sys

import pytest

from davy.cluster.node.images import Image, UnknownImageError, program, variables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("davy.dev/demo-app:2.0", Image("davy.dev/demo-app", "2.0")),
        ("davy.dev/demo-app", Image("davy.dev/demo-app", "latest")),
        ("localhost:5000/app", Image("localhost:5000/app", "latest")),
        ("localhost:5000/app:1@sha256:00", Image("localhost:5000/app", "1")),
    ],
)
def test_repository_and_tag(text: str, expected: Image) -> None:
    assert Image.parse(text) == expected


def test_the_demo_app_runs_on_our_own_interpreter_and_takes_its_version_from_the_tag() -> None:
    container = {"image": "davy.dev/demo-app:2.0"}
    assert program(container) == (sys.executable, "-m", "davy.demo_app")
    assert variables(container) == {"APP_VERSION": "2.0"}


def test_a_command_runs_whatever_the_image_is() -> None:
    assert program({"image": "nginx", "command": ["sh", "-c", "true"]}) == ("sh", "-c", "true")
    assert variables({"image": "nginx"}) == {}


def test_an_image_that_is_no_program_here_says_what_to_do() -> None:
    with pytest.raises(
        UnknownImageError, match=r'"nginx:1" cannot be pulled.*give the container a command, or use davy'
    ):
        program({"image": "nginx:1"})
