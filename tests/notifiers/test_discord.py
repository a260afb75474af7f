"""Discord: one address, written in any of its ways."""

import pytest

from davy.notifiers.discord import in_slack_form


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://discord.com/api/webhooks/1/a", "https://discord.com/api/webhooks/1/a/slack"),
        ("https://discord.com/api/webhooks/1/a/", "https://discord.com/api/webhooks/1/a/slack"),
        ("https://discord.com/api/webhooks/1/a/slack", "https://discord.com/api/webhooks/1/a/slack"),
        ("https://discord.com/api/webhooks/1/a?thread_id=2", "https://discord.com/api/webhooks/1/a/slack?thread_id=2"),
        ("https://discord.com", "https://discord.com/slack"),
    ],
)
def test_slacks_form_has_an_address_of_its_own(written: str, expected: str) -> None:
    assert in_slack_form(written) == expected
    assert in_slack_form(expected) == expected
