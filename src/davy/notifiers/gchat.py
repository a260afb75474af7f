"""Google Chat, by incoming webhook: a card with one section for each thing that is said."""

from dataclasses import dataclass
from html import escape

import msgspec

from davy.notifiers import attachment
from davy.notifiers.base import Address, Notice, Request


@dataclass(frozen=True, slots=True)
class GoogleChat:
    """AlertProvider type `gchat`."""

    def request(self, notice: Notice, address: Address) -> Request:
        """The room is the webhook's own. Texts are HTML there: what is said is escaped, `<` is no tag."""
        said = [strong(notice.message), *(f"{plain(title)}<br>{strong(value)}" for title, value in notice.fields)]
        card = {
            "header": {
                "title": "Flagger",
                "subtitle": notice.canary,
                "imageUrl": "https://flagger.app/favicon.png",
            },
            "sections": [{"widgets": [{"textParagraph": {"text": text}}]} for text in said],
        }
        return Request(attachment.checked("Google Chat", address.url), msgspec.json.encode({"cards": [card]}))


def strong(text: str) -> str:
    return f"<font color=#848484><strong>{plain(text)}</strong></font>"


def plain(text: str) -> str:
    return escape(text, quote=False)
