"""Requests off the wire, cut anywhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.demo_app.app import Request
from davy.demo_app.wire import MalformedError, Reader

STREAM = (
    b"GET /a?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"
    b"POST /b HTTP/1.1\r\ncontent-length: 5\r\nConnection: close\r\n\r\nhello"
    b"GET /c HTTP/1.0\r\n\r\n"
    b"GET /d HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
)
REQUESTS = [Request("GET", "/a"), Request("POST", "/b", False), Request("GET", "/c", False), Request("GET", "/d")]


@given(cuts=st.lists(st.integers(0, len(STREAM))))
def test_requests_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    reader = Reader()
    edges = [0, *sorted(cuts), len(STREAM)]
    read = [request for a, b in pairwise(edges) for request in reader.feed(STREAM[a:b])]
    assert read == REQUESTS


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET / SPDY/3\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"a" * 70_000,
    ],
)
def test_what_is_no_request_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedError):
        Reader().feed(head)
