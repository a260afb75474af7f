"""MetricTemplate: a query with blanks, and the server that answers it."""

from collections.abc import Mapping

from davy.api.words import Metadata, SecretRef, Words


class Provider(Words, frozen=True):
    """The metrics server that a template's query goes to.

    - `type`: the kind of server
    - `address`: its URL; some kinds have one of their own
    - `headers`: HTTP headers sent with each query, a list of values for each name
    - `secret_ref`: Secret with the credentials
    - `region`: region of the provider, for CloudWatch
    - `insecure_skip_verify`: accept any certificate of the server
    """

    type: str
    address: str = ""
    headers: Mapping[str, tuple[str, ...]] = {}
    secret_ref: SecretRef | None = None
    region: str = ""
    insecure_skip_verify: bool = False


class MetricTemplateSpec(Words, frozen=True):
    """What a MetricTemplate asks, and whom.

    - `provider`: the server that is asked
    - `query`: the query, a Go template with the functions name, namespace, target, service, ingress, route, interval
      and variables
    """

    provider: Provider
    query: str


class MetricTemplate(Words, frozen=True):
    """A metrics query that canaries can share.

    - `api_version`: version of this representation
    - `kind`: the kind of this object
    - `metadata`: standard object metadata
    - `spec`: what it asks, and whom
    """

    spec: MetricTemplateSpec
    api_version: str = ""
    kind: str = ""
    metadata: Metadata = Metadata()
