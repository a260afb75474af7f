"""Which requests are meant: string, header and HTTP matches in Istio's form."""

from collections.abc import Mapping

from davy.api.words import Words


class StringMatch(Words, frozen=True):
    """How a text must look; exactly one field is set, or none for any text.

    - `exact`: equals this
    - `prefix`: begins with this
    - `suffix`: ends with this
    - `regex`: matches this RE2 expression as a whole
    """

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    regex: str | None = None


class AnalysisMatch(Words, frozen=True):
    """Which requests go to the canary during A/B testing.

    - `headers`: header (lower case) → how its value must look
    - `query_params`: query parameter → how its value must look
    - `source_labels`: labels of the client's workload
    """

    headers: Mapping[str, StringMatch] = {}
    query_params: Mapping[str, StringMatch] = {}
    source_labels: Mapping[str, str] = {}


class HTTPMatch(AnalysisMatch, frozen=True):
    """Which requests a route is for.

    - `name`: name of the match
    - `uri`: the path
    - `scheme`: the URI scheme
    - `method`: the HTTP method
    - `authority`: the authority (Host)
    - `without_headers`: header → how its value must not look
    - `port`: port the request came to
    - `gateways`: gateways the match holds for
    - `ignore_uri_case`: compare the path without regard to case
    - `source_namespace`: namespace of the client
    """

    name: str | None = None
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    without_headers: Mapping[str, StringMatch] = {}
    port: int | None = None
    gateways: tuple[str, ...] = ()
    ignore_uri_case: bool | None = None
    source_namespace: str | None = None
