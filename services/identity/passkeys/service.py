"""Give challenges to browsers and check what authenticators sign; fido2 parses and verifies (docs/decisions/0019).

Every check of W3C Web Authentication Level 3, 7.1 and 7.2, that a relying party without attestation makes: challenge, origin,
rp id, user presence and verification, algorithm, credential, user handle, signature, count of signatures.
"""

import secrets as random
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature

from services.identity.accounts.models import Account
from services.identity.passkeys import repository
from services.identity.passkeys.models import Ceremony, Passkey, PasskeyChallenge
from services.identity.passkeys.schemas import Assertion, Attestation, ClientData
from shared.db import new_id
from shared.settings import Settings
from shared.unit_of_work import ServiceContext, UnitOfWork

if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData

NAME = "衔接"
CHALLENGE_LIFE = timedelta(minutes=5)
MAX_PASSKEYS = 10
"""Passkeys of one account."""
ES256, EDDSA, RS256 = -7, -8, -257
ALGORITHMS = (ES256, EDDSA, RS256)
"""COSE algorithms that are accepted: those of phones and security keys, and of Windows Hello."""
DEFAULT_PORTS = {"https": 443, "http": 80}
LOCALHOST = "localhost"
VERIFIED = "required"
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError, struct.error)
"""What fido2 raises for content that is no credential, or fails a check."""


class PasskeyRefused(Exception):
    """A credential was not accepted; `reason` is a word for the log, the message a sentence for the person."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom credentials are made for: the rp id (a domain) and the origin of the pages."""

    id: str
    origin: str


def find_relying_party(settings: Settings) -> RelyingParty | None:
    """The relying party of an installation by its public address; None where browsers allow no passkeys.

    The Host header is never asked. A loopback address stands for `localhost`, since an IP address is no rp id.
    """
    address = urlsplit(settings.public_url)
    host = (address.hostname or "").encode("idna").decode()
    if _is_ip_address(host):
        if not ip_address(host).is_loopback:
            return None
        host = LOCALHOST
    if not host or (address.scheme != "https" and host != LOCALHOST):
        return None
    port = "" if address.port in {None, DEFAULT_PORTS.get(address.scheme)} else f":{address.port}"
    return RelyingParty(host, f"{address.scheme}://{host}{port}")


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def describe_obstacle(settings: Settings) -> str:
    """Why this installation has no passkeys, for its users; empty where it has."""
    if find_relying_party(settings) is not None:
        return ""
    if _is_ip_address(urlsplit(settings.public_url).hostname or ""):
        return "本系统以 IP 地址开放, 通行密钥须用域名; 请用动态口令"
    return "本系统没有以 https 开放, 浏览器不提供通行密钥; 请用动态口令"


def _get_relying_party(settings: Settings) -> RelyingParty:
    party = find_relying_party(settings)
    if party is None:
        raise PasskeyRefused("unavailable", describe_obstacle(settings))
    return party


async def create_registration_options(work: UnitOfWork, account: Account) -> dict[str, Any]:
    """What the caller's browser makes a credential by, with a new challenge; PasskeyRefused where there are none, or enough."""
    party = _get_relying_party(work.context.settings)
    known = await repository.system_list_passkeys(work, account.id)
    if len(known) >= MAX_PASSKEYS:
        raise PasskeyRefused("too_many", f"最多登记 {MAX_PASSKEYS} 个通行密钥, 请先删除不用的")
    challenge = _add_challenge(work, account.id, work.actor.session, Ceremony.REGISTRATION)
    return {
        "rp": {"id": party.id, "name": NAME},
        "user": {"id": _user_handle(work, account.id), "name": account.id, "displayName": account.name},
        "challenge": challenge,
        "pubKeyCredParams": [{"type": "public-key", "alg": one} for one in ALGORITHMS],
        "timeout": _timeout_ms(),
        "excludeCredentials": _describe(known),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": VERIFIED},
        "attestation": "none",
    }


async def create_assertion_options(
    work: UnitOfWork, account_id: str, session_id: str, ceremony: Ceremony
) -> dict[str, Any] | None:
    """What a browser signs with a passkey of the account, with a new challenge; None where it has none, or cannot use it."""
    party = find_relying_party(work.context.settings)
    known = await repository.system_list_passkeys(work, account_id)
    if party is None or not known:
        return None
    return {
        "challenge": _add_challenge(work, account_id, session_id, ceremony),
        "timeout": _timeout_ms(),
        "rpId": party.id,
        "allowCredentials": _describe(known),
        "userVerification": VERIFIED,
    }


def _add_challenge(work: UnitOfWork, account_id: str, session_id: str, ceremony: Ceremony) -> str:
    challenge = random.token_urlsafe(32)
    work.session.add(
        PasskeyChallenge(
            challenge=challenge,
            account_id=account_id,
            session_id=session_id,
            ceremony=ceremony,
            expires_at=work.at + CHALLENGE_LIFE,
        )
    )
    return challenge


def _describe(passkeys: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - rows
    return [
        {"type": "public-key", "id": one.credential_id}
        | ({"transports": one.transports.split()} if one.transports else {})
        for one in passkeys
    ]


def _timeout_ms() -> int:
    return int(CHALLENGE_LIFE.total_seconds() * 1000)


def _user_handle(work: UnitOfWork, account_id: str) -> str:
    """The opaque name under which authenticators keep credentials of an account: no personal data in it."""
    return _encode(bytes.fromhex(work.context.keyring.blind_index(account_id, "passkey_user")))


async def register(work: UnitOfWork, account: Account, name: str, given: Attestation) -> Passkey:
    """Add what the caller's browser made to their account. PasskeyRefused when it fails a check.

    The challenge is used up in a transaction of its own, before the first statement of `work`.
    """
    party = _get_relying_party(work.context.settings)
    owner = (account.id, work.actor.session, Ceremony.REGISTRATION)
    challenge = await _use_challenge(work.context, party, given.response.client_data, *owner)
    with _refusing_malformed():
        from fido2.webauthn import RegistrationResponse  # loads in 0.1 s

        _check_attestation(given.response.attestation_object)
        parsed = RegistrationResponse.from_dict(_to_json(given))
        state = {"challenge": challenge, "user_verification": VERIFIED}
        made = _build_server(party).register_complete(state, parsed)
        credential = made.credential_data
        if credential is None or credential.credential_id != parsed.raw_id:
            raise ValueError("another credential")
        _check_key(credential)
    credential_id = _encode(parsed.raw_id)
    if await repository.system_is_registered(work, credential_id):
        raise PasskeyRefused("known", "这个通行密钥已登记过")
    if await repository.system_count_passkeys(work, account.id) >= MAX_PASSKEYS:
        raise PasskeyRefused("too_many", f"最多登记 {MAX_PASSKEYS} 个通行密钥, 请先删除不用的")
    passkey = Passkey(
        id=new_id(),
        account_id=account.id,
        credential_id=credential_id,
        credential=bytes(credential),
        transports=" ".join(sorted(set(given.response.transports))),
        name=name,
        sign_count=made.counter,
        created_at=work.at,
    )
    work.session.add(passkey)
    return passkey


def _check_key(credential: "AttestedCredentialData") -> None:
    """Refuse a key of an algorithm that was not offered, or that verifies nothing."""
    if credential.public_key.ALGORITHM not in ALGORITHMS:
        raise PasskeyRefused("algorithm", "这个通行密钥的签名算法不被接受")
    try:
        credential.public_key.verify(b"", b"")
    except InvalidSignature:
        return
    raise ValueError("a key that accepts an empty signature")


async def use_assertion(
    context: ServiceContext, account_id: str, session_id: str, ceremony: Ceremony, given: Assertion
) -> None:
    """Check what a browser signed with a passkey of the account. PasskeyRefused when it fails a check.

    The challenge is used up whatever comes of it, in a transaction of its own.
    """
    party = _get_relying_party(context.settings)
    owner = (account_id, session_id, ceremony)
    challenge = await _use_challenge(context, party, given.response.client_data, *owner)
    with _refusing_malformed():
        from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

        parsed = AuthenticationResponse.from_dict(_to_json(given))
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        passkey = await repository.system_find_passkey(work, account_id, _encode(parsed.raw_id))
        if passkey is None:
            raise PasskeyRefused("unknown", "这个通行密钥没有登记在本账号")
        handle = given.response.user_handle
        if handle and handle != _user_handle(work, account_id):
            raise PasskeyRefused("user", "这个通行密钥是为另一个账号建的")
        with _refusing_malformed():
            state = {"challenge": challenge, "user_verification": VERIFIED}
            _build_server(party).authenticate_complete(
                state, [AttestedCredentialData(passkey.credential)], parsed
            )
        count = parsed.response.authenticator_data.counter
        if (count or passkey.sign_count) and count <= passkey.sign_count:
            raise PasskeyRefused(
                "counter", "这个通行密钥的签名次数倒退, 可能被复制; 请改用其他方式登录并删除它"
            )
        passkey.sign_count, passkey.used_at = count, work.at
        work.session.add(passkey)


async def _use_challenge(
    context: ServiceContext,
    party: RelyingParty,
    client_data: str,
    account_id: str,
    session_id: str,
    ceremony: Ceremony,
) -> str:
    """Use up the challenge that a browser answers, and return it.

    PasskeyRefused when it is not good for this, and for another origin or a page inside another's.
    """
    with _refusing_malformed():
        client = ClientData.model_validate_json(_decode(client_data))
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        used = await repository.system_use_challenge(work, client.challenge, account_id, session_id, ceremony)
    if not used:
        raise PasskeyRefused("challenge", "通行密钥的质询已过期或已用过, 请重新开始")
    if client.origin != party.origin or client.cross_origin:
        raise PasskeyRefused("origin", f"通行密钥只能在 {party.origin} 使用")
    return client.challenge


def _check_attestation(attestation_object: str) -> None:
    """TypeError unless the authenticator data are bytes: fido2 would make as many bytes as a number there says."""
    from fido2 import cbor

    content = cbor.decode(_decode(attestation_object))
    if not isinstance(content, dict) or not isinstance(content.get("authData"), bytes):
        raise TypeError("no attestation object")


def _build_server(party: RelyingParty) -> "Fido2Server":
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity

    return Fido2Server(
        PublicKeyCredentialRpEntity(name=NAME, id=party.id),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin == party.origin,
    )


@contextmanager
def _refusing_malformed() -> Iterator[None]:
    try:
        yield
    except MALFORMED as error:
        raise PasskeyRefused("check", "通行密钥没有通过核验, 请重试") from error


def _to_json(given: Assertion | Attestation) -> dict[str, Any]:
    """The form that fido2 parses."""
    shown = given.model_dump(by_alias=True, exclude_none=True)
    if not shown["response"].get("userHandle", ""):
        shown["response"].pop("userHandle", None)
    return {**shown, "rawId": given.id}


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


async def purge_challenges(context: ServiceContext) -> None:
    """Delete challenges that expired."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        await repository.system_delete_expired_challenges(work, work.at)
