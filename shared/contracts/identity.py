"""What identity promises to others: its events."""

from typing import ClassVar

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
