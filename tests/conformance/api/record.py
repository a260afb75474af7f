"""Write down what the real API server answers: `python -m tests.conformance.api.record [CHAPTER…]`."""

import asyncio
import dataclasses
import sys
from collections.abc import Sequence

from tests.conformance.api.behaviour import Behaviour, Chapter, chapters, write
from tests.conformance.api.names import namespaces
from tests.conformance.api.play import Server, play
from tests.conformance.api.servers import FOLDERS, real


def record(chapter: Chapter, server: Server) -> Chapter:
    """The chapter with the answers that `server` gives now."""
    return dataclasses.replace(chapter, behaviours=tuple(_recorded(each, server) for each in chapter.behaviours))


def _recorded(behaviour: Behaviour, server: Server) -> Behaviour:
    answers = asyncio.run(play(behaviour, server, next(namespaces)))
    steps = tuple(step.answered(answer) for step, answer in zip(behaviour.steps, answers, strict=True))
    return dataclasses.replace(behaviour, steps=steps)


def main(wanted: list[str]) -> None:
    for folder, controllers in FOLDERS.items():
        chosen = [each for each in chapters(folder) if not wanted or each.path.stem in wanted]
        if chosen:
            _record_all(chosen, controllers)


def _record_all(chosen: list[Chapter], controllers: Sequence[str]) -> None:
    with real(controllers) as server:
        for chapter in chosen:
            write(record(chapter, server))


if __name__ == "__main__":
    main(sys.argv[1:])
