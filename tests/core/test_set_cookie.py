"""What a browser is told, and what its cookie looks like when it comes back."""

import re
import string
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.api.analysis import Analysis, SessionAffinity
from davy.core import set_cookie

COOKIE = "fcookie=LpsIaLdoNZ"
NAMES = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=12)
"""All that a cookie's name may be made of."""
VALUES = st.text(string.ascii_letters, min_size=10, max_size=10)


def affinity(**words: Any) -> SessionAffinity:
    return msgspec.convert({"cookieName": "fcookie", **words}, SessionAffinity)


def test_the_attributes_stand_in_flaggers_order() -> None:
    everything = affinity(
        secure=True, sameSite="Strict", path="/", partitioned=True, httpOnly=True, domain="example.com", maxAge=600
    )
    said = "; Domain=example.com; HttpOnly; Partitioned; Path=/; SameSite=Strict; Secure"
    assert set_cookie.kept(everything, COOKIE) == f"{COOKIE}; Max-Age=600{said}"
    assert set_cookie.kept_primary(Analysis(interval="1m30s"), everything, COOKIE) == f"{COOKIE}; Max-Age=90{said}"
    assert set_cookie.dropped(everything, COOKIE) == f"{COOKIE}; Max-Age=-1{said}"


def test_without_attributes_there_is_only_the_age() -> None:
    assert set_cookie.kept(affinity(), COOKIE) == f"{COOKIE}; Max-Age=86400"
    assert set_cookie.dropped(affinity(), COOKIE) == f"{COOKIE}; Max-Age=-1"


@pytest.mark.parametrize(("interval", "seconds"), [("5s", 5), ("300ms", 1), ("soon", 60), ("", 60), ("-5s", 1)])
def test_the_primary_keeps_its_users_for_an_interval_however_it_is_spelt(interval: str, seconds: int) -> None:
    assert set_cookie.kept_primary(Analysis(interval=interval), affinity(), "p=x") == f"p=x; Max-Age={seconds}"


@given(NAMES, VALUES, VALUES)
def test_a_cookie_is_known_again_among_others_and_no_other_is_taken_for_it(name: str, value: str, other: str) -> None:
    expression = re.compile(set_cookie.pattern(f"{name}={value}"))
    assert expression.fullmatch(f"theme=dark; {name}={value}; lang=en")
    assert other == value or not expression.fullmatch(f"theme=dark; {name}={other}; lang=en")


def test_the_pattern_of_an_ordinary_name_is_flaggers() -> None:
    assert set_cookie.pattern("flagger-cookie=LpsIaLdoNZ") == ".*flagger-cookie.*LpsIaLdoNZ.*"
    assert set_cookie.pattern("a.b=x") == r".*a\.b.*x.*"


@pytest.mark.parametrize("cookie", ["", "=x", "x=", "x"])
def test_a_cookie_without_name_or_value_is_none(cookie: str) -> None:
    assert not set_cookie.usable(cookie)
    assert set_cookie.usable(COOKIE)
