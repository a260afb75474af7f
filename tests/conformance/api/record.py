"""Write down what the real API server answers: `python -m tests.conformance.api.record [CHAPTER…]`."""

import asyncio
import dataclasses
import sys

from tests.conformance.api.behaviour import Behaviour, Chapter, chapters, write
from tests.conformance.api.names import namespaces
from tests.conformance.api.play import Server, play
from tests.conformance.api.servers import real


def record(chapter: Chapter, server: Server) -> Chapter:
    """The chapter with the answers that `server` gives now."""
    return dataclasses.replace(chapter, behaviours=tuple(_recorded(each, server) for each in chapter.behaviours))


def _recorded(behaviour: Behaviour, server: Server) -> Behaviour:
    answers = asyncio.run(play(behaviour, server, next(namespaces)))
    steps = tuple(step.answered(answer) for step, answer in zip(behaviour.steps, answers, strict=True))
    return dataclasses.replace(behaviour, steps=steps)


def main(wanted: list[str]) -> None:
    with real() as server:
        for chapter in chapters("behaviours"):
            if not wanted or chapter.path.stem in wanted:
                write(record(chapter, server))


if __name__ == "__main__":
    main(sys.argv[1:])
