"""Contract of the identity service: its events."""

from datetime import date
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


class AccountHandedOver(Event):
    """The open work of an account goes to a successor from a day on; every service moves what is open there."""

    topic: ClassVar[str] = "account.handed_over"
    account: str
    successor: str
    successor_name: str
    starts_on: date
    reason: str


class AccountErased(Event):
    """The person of an account that has ended was erased; what others hold of its name becomes `display`. The id stays."""

    topic: ClassVar[str] = "account.erased"
    account: str
    display: str


class RegionSucceeded(Event):
    """A region was merged into another, or has a new name."""

    topic: ClassVar[str] = "region.succeeded"
    former: str
    code: str
    kind: str
    effective_on: date


class PasswordChanged(Event):
    """The password of an account was changed by its holder, or reset by somebody else (the actor)."""

    topic: ClassVar[str] = "account.password_changed"
    account: str
    reset: bool


class SignInFailed(Event):
    """A sign-in was refused. A name that no account has stands as a keyed hash: people type passwords there."""

    topic: ClassVar[str] = "account.sign_in_failed"
    account: str
    name_hash: str
    source: str
    reason: str


class SecondFactorChanged(Event):
    """A second factor of an account was activated, replaced, renamed, removed, or all were reset by somebody else."""

    topic: ClassVar[str] = "account.second_factor_changed"
    account: str
    change: str
    passkey: str = ""


class DeviceKeyChanged(Event):
    """A phone's key was registered or revoked by its person."""

    topic: ClassVar[str] = "account.device_key_changed"
    account: str
    key: str
    change: str


class SessionsEnded(Event):
    """Sessions of an account were ended by its holder or by an administrator."""

    topic: ClassVar[str] = "account.sessions_ended"
    account: str
    count: int
    reason: str


class IssuerBound(Event):
    """A person of an outside issuer was bound to an account, or released."""

    topic: ClassVar[str] = "account.issuer_bound"
    account: str
    issuer: str
    bound: bool


class AccountLocked(Event):
    """An account was locked after too many failed sign-ins."""

    topic: ClassVar[str] = "account.locked"
    account: str
    minutes: int
    source: str = ""


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
    source: str = ""


class KeyRotated(Event):
    """The signing key of tokens was replaced."""

    topic: ClassVar[str] = "key.rotated"
    kid: str
