"""Lines and events out of chunks, whatever the network does to them."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kube.scripted import event

from davy.kube.errors import Expired, KubeError, ServerError
from davy.kube.watch import WatchEvent, events, lines


async def chunked(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def read(chunks: Iterable[bytes]) -> list[bytes]:
    async def all_lines() -> list[bytes]:
        return [line async for line in lines(chunked(chunks))]

    return asyncio.run(all_lines())


async def told(*chunks: bytes, skipped: list[bytes] | None = None) -> list[WatchEvent]:
    def skip(line: bytes, _: Exception) -> None:
        assert skipped is not None, f"undecodable: {line!r}"
        skipped.append(line)

    return [each async for each in events(chunked(chunks), skip)]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=8).filter(lambda line: b"\n" not in line and line.strip())), st.data())
def test_lines_come_out_the_same_however_they_are_cut(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    edges = [0, *cuts, len(stream)]
    assert read(stream[a:b] for a, b in itertools.pairwise(edges)) == sent


def test_blank_lines_and_a_last_line_cut_off_are_no_lines() -> None:
    assert read([b"\n\r\n", b"a\n\n", b"half a li"]) == [b"a"]


def test_a_huge_line_in_many_chunks_is_put_together_once() -> None:
    # Joining at every chunk would copy 400 GB here, and not end.
    assert read([b"x" * 100] * 90_000 + [b"\n"]) == [b"x" * 9_000_000]


async def test_events_keep_the_object_as_it_was_sent() -> None:
    (one,) = await told(b'{"type":"ADDED", "object": {"n": 1.0,  "s":"\\u00e4"}}\n')
    assert (one.type, bytes(one.object)) == ("ADDED", b'{"n": 1.0,  "s":"\\u00e4"}')


@pytest.mark.parametrize("junk", [b"<html>", b'{"type":1,"object":{}}', b'{"type":"ADDED"}', b"\xff\xfe", b'{"type":"'])
async def test_an_undecodable_line_is_told_and_skipped(junk: bytes) -> None:
    skipped: list[bytes] = []
    got = await told(event("ADDED", {"a": 1}), junk + b"\n", event("DELETED", {"a": 1}), skipped=skipped)
    assert [each.type for each in got] == ["ADDED", "DELETED"]
    assert skipped == [junk]


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [(410, "Expired", Expired), (410, "Gone", Expired), (500, "InternalError", ServerError)],
)
async def test_an_error_event_ends_the_watch_with_its_error(code: int, reason: str, error: type[KubeError]) -> None:
    status = {"kind": "Status", "code": code, "reason": reason, "message": "too old resource version: 1 (9)"}
    with pytest.raises(error, match="too old"):
        await told(event("ERROR", status), event("ADDED", {}))


async def test_an_error_event_that_is_no_status_still_ends_the_watch() -> None:
    with pytest.raises(ServerError, match="without saying why"):
        await told(event("ERROR", {"kind": "Secret", "data": "x"}))


async def test_a_skipped_line_is_logged_without_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    junk = json.dumps({"kind": "Secret", "data": {"password": "hunter2"}}).encode()
    assert [each async for each in events(chunked([junk + b"\n"]))] == []
    shown = capsys.readouterr().out
    assert "undecodable watch line skipped" in shown
    assert "hunter2" not in shown
