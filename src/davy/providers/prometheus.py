"""Prometheus: instant queries over its HTTP API, answered by one number."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from davy.api.metric_template import Provider as ProviderSpec
from davy.core.snapshot import Error, NoData, Reading, Value
from davy.providers.base import Http, Misconfigured, Response, Unreachable, Window, basic, excerpt

TIMEOUT = timedelta(seconds=5)
ALWAYS = "vector(1)"
NO_WINDOW = Window(datetime.fromtimestamp(0, UTC), timedelta(0))


class Result(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an answer that depends on the kind of result."""

    result: Any
    result_type: str = "vector"


class Reply(msgspec.Struct, frozen=True, rename="camel"):
    """The JSON body of every answer, good or bad."""

    status: str = "success"
    data: Result | None = None
    error_type: str = ""
    error: str = ""


class Malformed(Exception):  # noqa: N818 - a state of the answer, not a mistake in the program
    """The answer is not one number; the text says what it is."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One server (or anything that speaks its API). Credentials are headers and are not shown."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: bool = True

    async def query(self, http: Http, query: str, window: Window) -> Reading:
        """The last series' value, as Flagger reads it. The window is part of the query here."""
        try:
            response = await http(
                "GET",
                f"{self.address}/api/v1/query",
                headers=self.headers,
                params={"query": one_line(query)},
                timeout=TIMEOUT,
                verify=self.verify,
            )
        except Unreachable as error:
            return Error("unreachable", f"prometheus {self.address}: {error}")
        return self.read(response)

    async def ping(self, http: Http) -> Reading:
        """Asks for the vector of 1."""
        reading = await self.query(http, ALWAYS, NO_WINDOW)
        match reading:
            case Value(number=1.0) | Error():
                return reading
            case _:
                return Error("malformed", f"prometheus {self.address}: {ALWAYS} was not answered with 1")

    def read(self, response: Response) -> Reading:
        """What an answer says."""
        reply = decode(response.body)
        if response.status >= 400 or (reply and reply.status != "success"):
            return Error("refused", f"prometheus {self.address}: {complaint(response, reply)}")
        if reply is None or reply.data is None:
            return Error("malformed", f"prometheus {self.address}: not Prometheus' answer: {excerpt(response.body)}")
        try:
            return reading_of(numbers(reply.data))
        except Malformed as error:
            return Error("malformed", f"prometheus {self.address}: {error}")


def one_line(query: str) -> str:
    """The query as Flagger sends it: every run of blanks is one blank."""
    return re.sub(r"\s+", " ", query, flags=re.ASCII)


def decode(body: bytes) -> Reply | None:
    """The body, if it is an answer of Prometheus at all."""
    try:
        return msgspec.json.decode(body, type=Reply)
    except msgspec.MsgspecError:
        return None


def complaint(response: Response, reply: Reply | None) -> str:
    """Why the server refused, in its own words where it has some."""
    words = f"{reply.error_type}: {reply.error}" if reply and reply.error else response.body
    return f"status {response.status}: {excerpt(words)}"


def reading_of(values: list[float]) -> Reading:
    """The last value; NaN (0/0: no traffic) says nothing."""
    if not values or math.isnan(values[-1]):
        return NoData()
    return Value(values[-1], len(values))


def numbers(data: Result) -> list[float]:
    """The values of all series. Raises `Malformed`."""
    match data.result_type, data.result:
        case "vector", list() as series:
            return [number(item.get("value") if isinstance(item, dict) else None) for item in series]
        case "vector", None:
            return []
        case "scalar", sample:
            return [number(sample)]
        case "matrix", _:
            raise Malformed("the query asks for a range of values; an analysis needs one value")
        case kind, _:
            raise Malformed(f"the answer is a {kind}, not a vector")


def number(sample: object) -> float:
    """The value of one sample, `[time, "number"]`. Raises `Malformed`."""
    match sample:
        case [_, str() as text]:
            try:
                return float(text)
            except ValueError:
                raise Malformed(f"{text!r} is not a number") from None
        case _:
            raise Malformed(f"a sample must be a time and a number, not {sample!r:.80}")


def prometheus(spec: ProviderSpec, secret: Mapping[str, str] | None, default_address: str) -> Prometheus:
    """The server that a MetricTemplate's provider names. Raises `Misconfigured`."""
    address = spec.address or default_address
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured(f"prometheus: address {address!r} is not a URL; write for example http://prometheus:9090")
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    return Prometheus(
        address=plain,
        headers={
            **(
                {"Authorization": basic(unquote(parts.username), unquote(parts.password or ""))}
                if parts.username
                else {}
            ),
            **{name: ", ".join(values) for name, values in spec.headers.items()},
            **credentials(spec, secret),
        },
        verify=not spec.insecure_skip_verify,
    )


def credentials(spec: ProviderSpec, secret: Mapping[str, str] | None) -> dict[str, str]:
    """The header made from the Secret: a token, or else a user name and a password."""
    if spec.secret_ref is None:
        return {}
    found = {key: value.strip() for key, value in (secret or {}).items()}
    if "token" in found:
        return {"Authorization": f"Bearer {found['token']}"}
    if missing := [key for key in ("username", "password") if key not in found]:
        raise Misconfigured(
            f"prometheus: Secret {spec.secret_ref.name} has no {' and no '.join(missing)}; "
            "it needs token, or username and password"
        )
    both = found["username"] and found["password"]
    return {"Authorization": basic(found["username"], found["password"])} if both else {}
