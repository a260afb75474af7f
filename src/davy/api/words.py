"""What every value of the API has in common: frozen, camelCase on the wire, defaults left out, metadata."""

from collections.abc import Mapping

import msgspec


class Words(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A frozen value of the API.

    The docstring of each class has a line ``- `field`: meaning`` for each of its fields; the published schema and the
    reference are made from them (schema.py).
    """


class Metadata(Words, frozen=True):
    """What Davy reads of an object's metadata.

    - `name`: the object's name
    - `namespace`: where it lives
    - `uid`: tells an object from a later one of the same name
    - `generation`: raised by the API server at every change of the spec
    - `resource_version`: raised at every change
    - `labels`: its labels
    - `annotations`: its annotations
    - `finalizers`: who must let go before it is removed
    - `creation_timestamp`: when it was made (RFC3339)
    - `deletion_timestamp`: when its deletion was asked for (RFC3339)
    """

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    finalizers: tuple[str, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class NamedRef(Words, frozen=True):
    """Another object by name, in the same namespace unless said otherwise.

    - `name`: the object's name
    - `namespace`: the object's namespace; the referring object's own if left out
    """

    name: str
    namespace: str = ""


class SecretRef(Words, frozen=True):
    """A Secret in the same namespace.

    - `name`: the Secret's name
    """

    name: str
