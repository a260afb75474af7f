"""Receivers of calls that are not there: they answer as the test says, and note what they got."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from davy.controller.outside import Outside, Post, Reply, Unheard

Reaction = Reply | Unheard

YES = Reply(200, b"")
CLOSED = Reply(403, b"Forbidden")
AWAY = Unheard("127.0.0.1:1 cannot be reached: Connection refused")


class Receivers(Outside):
    """The way out, without a way."""

    def __init__(self, *reactions: Reaction, react: Callable[[Post], Reaction] | None = None) -> None:
        """`reactions`: one after another, the last for ever; `react`: by what is sent."""
        self.reactions = list(reactions)
        self.react = react or (lambda _: self.reactions.pop(0) if len(self.reactions) > 1 else self.reactions[0])
        self.posts: list[Post] = []
        self.slept: list[float] = []
        self.hold: asyncio.Event | None = None

    async def post(self, post: Post) -> Reply:
        self.posts.append(post)
        if self.hold is not None:
            await self.hold.wait()
        reaction = self.react(post)
        if isinstance(reaction, Unheard):
            raise reaction
        return reaction

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def bodies(self) -> list[Any]:
        return [msgspec.json.decode(post.body) for post in self.posts]
