"""Contract of the identity service: its events."""

from typing import ClassVar
from uuid import UUID

from shared.events import Event


class AccountChanged(Event):
    """An account was created, changed, disabled or given other grants."""

    topic: ClassVar[str] = "account.changed"
    account: str
    kind: str
    disabled: bool
    grants: tuple[tuple[str, str], ...]
    person: str = ""


class AccountLocked(Event):
    """An account was locked after too many failed sign-ins."""

    topic: ClassVar[str] = "account.locked"
    account: str
    minutes: int


class TokenReused(Event):
    """A refresh token was used twice: the whole family of tokens was revoked."""

    topic: ClassVar[str] = "token.reused"
    account: str
    family: str


class OrganisationChanged(Event):
    """An organisation was created, changed or closed."""

    topic: ClassVar[str] = "organisation.changed"
    organisation_id: UUID
    name: str
    kind: str
    closed: bool


class SignedIn(Event):
    """An account signed in with a password, a client secret or a token of an external issuer."""

    topic: ClassVar[str] = "account.signed_in"
    account: str
    way: str


class KeyRotated(Event):
    """The signing key of tokens was replaced."""

    topic: ClassVar[str] = "key.rotated"
    kid: str
