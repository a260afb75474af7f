"""Google Chat: what is said is text there, never markup."""

import json

from davy.notifiers.base import Address, Notice
from davy.notifiers.gchat import GoogleChat


def test_what_is_said_cannot_become_markup() -> None:
    notice = Notice("app.shop", "error", "success rate 50.00% < 99% & falling", (("<a>", 'say "hi"'),))
    card = json.loads(GoogleChat().request(notice, Address(url="https://chat.example.com")).body)["cards"][0]
    first, second = (section["widgets"][0]["textParagraph"]["text"] for section in card["sections"])
    assert first == "<font color=#848484><strong>success rate 50.00% &lt; 99% &amp; falling</strong></font>"
    assert second == '&lt;a&gt;<br><font color=#848484><strong>say "hi"</strong></font>'
