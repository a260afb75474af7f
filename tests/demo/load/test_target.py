"""Which lines of the control pipe are taken, and what goes over the wire for them."""

import msgspec
import pytest

from davy.demo.load.target import BadTarget, Target, read_target


def line(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "name": "shop",
        "address": "127.0.0.1",
        "port": 8080,
        "host": "shop.local",
        "rate": 200,
    }
    return msgspec.json.encode(fields | changes)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.12.0.9", "::1"])
def test_loopback_addresses_are_loaded(address: str) -> None:
    assert read_target(line(address=address)).address == address


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": "10.0.0.1"}, "only loopback"),
        ({"address": "0.0.0.0"}, "only loopback"),
        ({"address": "localhost.example.com"}, "only loopback"),
        ({"rate": -1}, "rate is -1"),
        ({"rate": 1e9}, "rate is 1e"),
        ({"kept_alive": 2}, "kept_alive is 2"),
        ({"port": "http"}, r"\$\.port"),
    ],
)
def test_what_is_not_loaded_is_refused_with_a_reason(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadTarget, match=words):
        read_target(line(**changes))


def test_a_line_that_is_no_json_is_refused() -> None:
    with pytest.raises(BadTarget):
        read_target(b"load 127.0.0.1\n")


def test_only_a_request_on_a_fresh_connection_asks_to_close_it() -> None:
    target = Target("shop", "127.0.0.1", 8080, "shop.local", 200)
    assert b"host: shop.local\r\n" in target.request(keep=True)
    assert b"connection: close" not in target.request(keep=True)
    assert b"connection: close\r\n\r\n" in target.request(keep=False)
