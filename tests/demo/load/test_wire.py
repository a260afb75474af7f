"""Answers are read the same however their bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.demo.load.wire import Answer, Malformed, Reader

LENGTH = b"HTTP/1.1 200 OK\r\nX-App-Version: 2.0\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = (
    b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"
)
NOTHING = b"HTTP/1.1 204 No Content\r\nx-app-version: 1.0\r\n\r\n"
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\nhello"

WHOLE = [
    (LENGTH, Answer(200, "2.0", True, b"hello")),
    (CHUNKS, Answer(500, "", False, b"hello")),
    (NOTHING, Answer(204, "1.0", True, b"")),
]


@pytest.mark.parametrize(("received", "answer"), WHOLE)
@given(cut=st.integers(0, 200))
def test_an_answer_is_complete_at_its_last_byte_and_not_before(received: bytes, answer: Answer, cut: int) -> None:
    cut %= len(received)
    reader = Reader()
    assert reader.feed(received[:cut]) is None
    assert reader.feed(received[cut:]) == answer


def test_without_a_length_the_answer_lasts_until_the_connection_ends() -> None:
    reader = Reader()
    assert reader.feed(TO_THE_END) is None
    assert reader.end() == Answer(200, "", False, b"hello")


@pytest.mark.parametrize("received", [b"", LENGTH[:-1], LENGTH[:20], CHUNKS[:-4]])
def test_an_answer_that_is_cut_short_is_none(received: bytes) -> None:
    reader = Reader()
    assert reader.feed(received) is None
    assert reader.end() is None


@pytest.mark.parametrize(
    "received",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_told_so(received: bytes) -> None:
    with pytest.raises(Malformed):
        Reader().feed(received)
