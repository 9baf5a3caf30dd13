"""Exchange an ID token of an outside issuer: verify it, refuse a second use, find the account its person is bound to.

A token names its person by (iss, sub). Names, phones and e-mail addresses in it bind nobody: an issuer may give them to
somebody else tomorrow, and one issuer knows nothing of the names of another.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account
from services.identity.accounts.service import USER_KIND, require_reach_over
from services.identity.issuers import repository
from services.identity.issuers.models import IssuerBinding
from services.identity.issuers.schemas import BindingCreate
from shared.auth import May
from shared.clients.identity import IssuerBound
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.records import log_event
from shared.settings import TrustedIssuer
from shared.unit_of_work import ServiceContext, UnitOfWork

ID_TOKEN_ALGORITHMS = ["ES256", "RS256", "PS256"]
ID_TOKEN_TYPES = frozenset({"", "jwt", "id_token+jwt"})
"""`typ` of an ID token; `at+jwt` is an access token, `logout+jwt` ends a session."""
JWKS_MAX_AGE, JWKS_MIN_REFRESH = timedelta(minutes=10), timedelta(seconds=10)
MAX_TOKEN_AGE_S = 600
"""Seconds after `iat` in which a token may be exchanged."""
MAX_TOKEN_LIFE_S = 24 * 3600
LEEWAY_S = 30
"""Accepted clock difference of the identity provider, seconds."""


class InvalidIdToken(Exception):
    """A token that is not exchanged; the message says why, in Chinese."""


async def verify_id_token(context: ServiceContext, token: str) -> tuple[TrustedIssuer, dict[str, Any]]:
    """The issuer and the claims of a token. Raises InvalidIdToken when it is not a fresh ID token for this system."""
    issuer = _find_issuer(context, token)
    header, at = _decode_part(token, 0), context.clock()
    jwks = await context.clients.get_external(issuer.jwks_url, at, fresh=JWKS_MAX_AGE)
    if header.get("kid") not in {key.get("kid") for key in jwks.get("keys", [])}:
        jwks = await context.clients.get_external(issuer.jwks_url, at, fresh=JWKS_MIN_REFRESH)
    try:
        claims: dict[str, Any] = jwt.decode(
            token, KeySet.import_key_set(jwks), algorithms=ID_TOKEN_ALGORITHMS
        ).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _invalid_token_error() from error
    if str(header.get("typ", "")).lower() not in ID_TOKEN_TYPES or "events" in claims:
        raise InvalidIdToken("这不是登录令牌 (ID token)")
    _check_audience(issuer, claims)
    _check_times(claims, at.timestamp())
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _invalid_token_error()
    return issuer, claims


def _check_audience(issuer: TrustedIssuer, claims: dict[str, Any]) -> None:
    """The token is for us: in `aud`, and in `azp` where the token was asked for by somebody else or has several readers."""
    audience = claims.get("aud")
    readers = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", issuer.audience if len(readers) == 1 else None)
    if issuer.audience not in readers or party != issuer.audience:
        raise _invalid_token_error()


def _check_times(claims: dict[str, Any], now: float) -> None:
    """The token has times, is valid now, was issued a short while ago, and does not live for more than a day."""
    try:
        expires, issued = (_read_time(claims, name) for name in ("exp", "iat"))
        not_before = _read_time(claims, "nbf") if "nbf" in claims else issued
    except (KeyError, TypeError) as error:
        raise _invalid_token_error() from error
    too_old = issued < now - MAX_TOKEN_AGE_S or expires - issued > MAX_TOKEN_LIFE_S
    if now >= expires or issued > now + LEEWAY_S or not_before > now + LEEWAY_S or too_old:
        raise _invalid_token_error()


def _read_time(claims: dict[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(name)
    return float(value)


async def find_account(
    work: UnitOfWork, issuer: TrustedIssuer, claims: dict[str, Any], token: str
) -> Account:
    """The account that the token's person is bound to, locked; the token is used up.

    Raises InvalidIdToken for a second use, a person without binding, a disabled account, or a role the issuer may not enter.
    """
    expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC)
    digest = hashlib.sha256(token.rsplit(".", 1)[0].encode()).hexdigest()
    if not await repository.system_add_used_token(work, digest, expires_at):
        raise InvalidIdToken("这个令牌已经用过, 请重新登录")
    binding = await repository.system_find_binding(work, issuer.issuer, claims["sub"])
    account = (
        None if binding is None else await accounts.system_find_account(work, binding.account_id, lock=True)
    )
    if account is None or account.disabled or account.kind != USER_KIND:
        raise InvalidIdToken("您在统一身份认证的身份没有绑定本系统的账号, 请联系管理员")
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    if issuer.roles and any(str(grant.role) not in issuer.roles for grant in grants):
        raise InvalidIdToken("这个账号的角色不能经统一身份认证登录")
    return account


async def bind(work: UnitOfWork, account_id: str, body: BindingCreate) -> IssuerBinding:
    """Bind a person of an issuer to an account. Conflict when the person is bound to another one."""
    account = await _get_reachable(work, account_id)
    if body.issuer not in {one.issuer for one in work.context.settings.trusted_issuers}:
        detail = f"没有配置这个身份认证方: {body.issuer}"
        raise Invalid(detail, "Unknown issuer", errors=[FieldError("unknown", detail, "", "/issuer")])
    existing = await repository.system_find_binding(work, body.issuer, body.subject)
    if existing is not None:
        if existing.account_id == account.id:
            return existing
        raise Conflict("这个外部身份已绑定另一个账号, 请先解除", "The person is bound to another account")
    binding = IssuerBinding(
        issuer=body.issuer,
        subject=body.subject,
        account_id=account.id,
        created_at=work.at,
        created_by=work.actor.id,
    )
    work.session.add(binding)
    await work.session.flush()
    await _publish(work, account, binding, bound=True)
    return binding


async def unbind(work: UnitOfWork, account_id: str, body: BindingCreate) -> None:
    """Take a binding away; NotFound when there is none."""
    account = await _get_reachable(work, account_id)
    binding = await repository.system_find_binding(work, body.issuer, body.subject)
    if binding is None or binding.account_id != account.id:
        raise NotFound("没有这项绑定", "No such binding")
    await repository.system_delete_binding(work, binding)
    await _publish(work, account, binding, bound=False)


async def list_bindings(work: UnitOfWork, account_id: str) -> list[IssuerBinding]:
    """The bindings of an account in the caller's regions."""
    account = await accounts.get_account(work, account_id, USER_KIND)
    return await repository.system_list_bindings(work, account.id)


async def purge_used_tokens(context: ServiceContext) -> None:
    """Delete used tokens that have expired."""
    async with context.database.write() as session:
        await repository.system_purge_used_tokens(context.unit_of_work(session))


async def _get_reachable(work: UnitOfWork, account_id: str) -> Account:
    account = await accounts.get_account(work, account_id, USER_KIND, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, account.region)
    await require_reach_over(work, account)
    return account


async def _publish(work: UnitOfWork, account: Account, binding: IssuerBinding, *, bound: bool) -> None:
    await log_event(work, account, IssuerBound(account=account.id, issuer=binding.issuer, bound=bound))


def _find_issuer(context: ServiceContext, token: str) -> TrustedIssuer:
    claimed = _decode_part(token, 1).get("iss")
    for issuer in context.settings.trusted_issuers:
        if issuer.issuer == claimed:
            return issuer
    raise InvalidIdToken("不受信任的身份认证方")


def _invalid_token_error() -> InvalidIdToken:
    return InvalidIdToken("统一身份认证的令牌无效或已过期, 请重新登录")


def _decode_part(token: str, index: int) -> dict[str, Any]:
    try:
        content = json.loads(urlsafe_b64decode(token.split(".")[index].encode()))
    except (ValueError, IndexError, RecursionError) as error:
        raise _invalid_token_error() from error
    if not isinstance(content, dict):
        raise _invalid_token_error()
    return content
