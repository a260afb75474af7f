"""AlertProvider: a place where people are told."""

from davy.api.words import Metadata, SecretRef, Words


class AlertProviderSpec(Words, frozen=True):
    """Where alerts go and under which name.

    - `type`: the kind of service
    - `channel`: the channel or room
    - `username`: the name alerts are sent under
    - `address`: URL of the webhook; a Secret takes its place
    - `secret_ref`: Secret with the key `address` and, if needed, `token`
    - `proxy`: URL of an HTTP proxy
    """

    type: str = ""
    channel: str = ""
    username: str = ""
    address: str = ""
    secret_ref: SecretRef | None = None
    proxy: str = ""


class AlertProvider(Words, frozen=True):
    """A service that alerts are sent to.

    - `api_version`: version of this representation
    - `kind`: the kind of this object
    - `metadata`: standard object metadata
    - `spec`: where alerts go and under which name
    """

    spec: AlertProviderSpec
    api_version: str = ""
    kind: str = ""
    metadata: Metadata = Metadata()
