"""What identity promises to others: its events."""

from typing import ClassVar
from uuid import UUID

from shared.events import Event


class AccountChanged(Event):
    """An account was made, changed, disabled or given other grants."""

    topic: ClassVar[str] = "account.changed"
    account: str
    kind: str
    disabled: bool
    grants: tuple[tuple[str, str], ...]


class AccountLocked(Event):
    """An account was locked after too many failures."""

    topic: ClassVar[str] = "account.locked"
    account: str
    minutes: int


class TokenReused(Event):
    """A refresh token was used twice: the whole family of tokens was revoked."""

    topic: ClassVar[str] = "token.reused"
    account: str
    family: str


class OrganisationChanged(Event):
    """An organisation was entered, changed or closed."""

    topic: ClassVar[str] = "organisation.changed"
    organisation_id: UUID
    name: str
    kind: str
    closed: bool


class SignedIn(Event):
    """Somebody signed in: with a password, a client secret, or by an outside issuer."""

    topic: ClassVar[str] = "account.signed_in"
    account: str
    way: str


class KeyRotated(Event):
    """Tokens are signed with a new key from now on."""

    topic: ClassVar[str] = "key.rotated"
    kid: str
