"""OAuth2 grants: password, client credentials, refresh token and token exchange.

An access token is valid for ten minutes and carries the grants in force today; a refresh token is used once.
"""

import hashlib
import json
import math
import secrets as random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account
from services.identity.accounts.passwords import verify_password
from services.identity.accounts.service import is_locked, record_failed_login
from services.identity.keys.service import get_signing_key
from services.identity.organisations import repository as organisations
from services.identity.sessions import repository
from services.identity.sessions.models import RefreshToken
from services.identity.sessions.schemas import TokenAnswer
from shared.auth import Actor
from shared.clients.identity import SignedIn, TokenReused
from shared.db import new_id
from shared.events import Event
from shared.records import log_event
from shared.settings import TrustedIssuer
from shared.unit_of_work import ServiceContext, UnitOfWork

ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
REFRESH_TOKEN_LIFETIME = timedelta(days=14)
SIGN_IN_METHODS = {"user": "password", "machine": "client_credentials"}
TOKEN_EXCHANGE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693
ID_TOKEN_ALGORITHMS = ["ES256", "RS256", "PS256"]
JWKS_MAX_AGE, JWKS_MIN_REFRESH = timedelta(minutes=10), timedelta(seconds=10)
LEEWAY_S = 30
"""Accepted clock difference of the identity provider, seconds."""


class OAuthError(Exception):
    """Refusal of the token endpoint: OAuth2 error code, Chinese description, HTTP status."""

    def __init__(self, error: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.error, self.text, self.status = error, text, status


async def issue_tokens(
    work: UnitOfWork,
    account: Account,
    *,
    family: str = "",
    refreshing: bool,
    outside: bool = False,
    scopes: str = "",
) -> TokenAnswer:
    """Sign an access token and, with `refreshing`, create a refresh token of the family (a new family by default).

    A machine's access token is limited to `scopes`. While an account must change its initial password, its tokens carry
    no grants; this does not apply to an `outside` sign-in, which uses no password of this system.
    """
    family = family or str(new_id())
    key = await get_signing_key(work)
    must_change = account.must_change and not outside
    claims = {**await _build_claims(work, account), "sid": family}
    if must_change:
        claims["grants"] = []
    if account.kind == "machine":
        claims["scope"] = scopes
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
    answer = TokenAnswer(
        access_token=token,
        expires_in=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        must_change=must_change,
        scope=scopes,
    )
    if refreshing:
        answer.refresh_token = random.token_urlsafe(48)
        work.session.add(
            RefreshToken(
                digest=digest_token(answer.refresh_token),
                family=family,
                account_id=account.id,
                outside=outside,
                issued_at=work.at,
                expires_at=work.at + REFRESH_TOKEN_LIFETIME,
            )
        )
        await work.session.flush()
    return answer


async def _build_claims(work: UnitOfWork, account: Account) -> dict[str, object]:
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    names = await organisations.list_organisation_names(work, [account.organisation_id])
    settings = work.context.settings
    return {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": account.id,
        "name": account.name,
        "org": names.get(account.organisation_id, ""),
        "kind": account.kind,
        **await _build_person_claims(work, account),
        "grants": [[str(grant.role), grant.region] for grant in grants],
        "iat": int(work.at.timestamp()),
        "exp": int((work.at + ACCESS_TOKEN_LIFETIME).timestamp()),
        "jti": str(new_id()),
    }


async def _build_person_claims(work: UnitOfWork, account: Account) -> dict[str, object]:
    """`person`, and `accounts` when the person has others; none for a machine."""
    if account.kind != "user":
        return {}
    account_ids = await accounts.system_list_person_accounts(work, account.person_id)
    others = [one for one in account_ids if one != account.id]
    return {"person": account.person_id} | ({"accounts": others} if others else {})


def digest_token(token: str) -> str:
    """SHA-256 of a refresh token as stored; a token of 384 random bits needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


async def publish_account_event(work: UnitOfWork, account: Account, event: Event) -> None:
    """Publish an event about an account with the account itself as actor."""
    await log_event(replace(work, actor=Actor(account.id, account.name, ())), account, event)


async def password_grant(
    context: ServiceContext, account_id: str, secret: str, kind: str, scope: str = ""
) -> TokenAnswer:
    """Sign in with a password or a client secret. Raises OAuthError, after the same time for any account name.

    A machine may request a subset of its scopes (RFC 6749, section 3.3); a scope it does not have is refused.
    """
    async with context.database.read() as session:
        account = await accounts.system_find_account(context.unit_of_work(session), account_id)
    usable = account is not None and account.kind == kind and not account.disabled
    if account is not None and usable and is_locked(account, context.clock()):
        raise _account_locked_error(account, context.clock())
    verified = await verify_password(secret, account.secret if account is not None and usable else None)
    if not verified or account is None:
        await record_failed_login(context, account_id)
        raise _invalid_credentials_error(kind)
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        current = await accounts.system_find_account(work, account_id, lock=True)
        if current is None or current.disabled or current.secret != account.secret:
            raise _invalid_credentials_error(kind)
        if is_locked(current, work.at):
            # Concurrent guesses can lock the account after it was read above.
            raise _account_locked_error(current, work.at)
        scopes = _select_scopes(current, scope)
        current.failures, current.locked_until = 0, None
        work.session.add(current)
        await publish_account_event(work, current, SignedIn(account=current.id, way=SIGN_IN_METHODS[kind]))
        return await issue_tokens(work, current, refreshing=kind == "user", scopes=scopes)


def _select_scopes(account: Account, scope: str) -> str:
    """Scopes of a machine's token: the requested ones, or all. Raises OAuthError for a scope the machine does not have."""
    requested, granted = set(scope.split()), set(account.scopes.split())
    if account.kind == "machine" and (missing := sorted(requested - granted)):
        raise OAuthError("invalid_scope", f"这个客户端没有权限 {'、'.join(missing)}")
    return " ".join(sorted(requested & granted or granted))


def _invalid_credentials_error(kind: str) -> OAuthError:
    if kind == "user":
        return OAuthError("invalid_grant", "用户名或口令不对, 或账号已停用")
    return OAuthError("invalid_client", "客户端编号或密钥不对", 401)


def _account_locked_error(account: Account, at: datetime) -> OAuthError:
    remaining_s = (account.locked_until - at).total_seconds() if account.locked_until is not None else 0
    return OAuthError("invalid_grant", f"失败次数过多, 请 {math.ceil(remaining_s / 60)} 分钟后再试")


async def refresh_grant(context: ServiceContext, token: str) -> TokenAnswer:
    """Exchange a refresh token for a new pair of tokens. Raises OAuthError when it is not valid.

    A second use revokes the whole family, since one of the two users must have stolen the token. A second use within
    the seconds of rule `auth.refresh_grace`, before the successor was used, is a retry after a lost response.
    """
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        stored = await repository.system_lock_token(work, digest_token(token))
        if stored is not None and stored.revoked_at is None and stored.expires_at > work.at:
            account = await accounts.system_find_account(work, stored.account_id)
            stolen = stored.used_at is not None and not await _is_retry_after_lost_response(work, stored)
            if account is not None and stolen:
                await repository.system_revoke_family(work, stored.family)
                await publish_account_event(
                    work, account, TokenReused(account=account.id, family=stored.family)
                )
            elif account is not None and not account.disabled:
                stored.used_at = stored.used_at or work.at
                work.session.add(stored)
                return await issue_tokens(
                    work, account, family=stored.family, refreshing=True, outside=stored.outside
                )
    raise OAuthError("invalid_grant", "登录已失效, 请重新登录")


async def _is_retry_after_lost_response(work: UnitOfWork, token: RefreshToken) -> bool:
    grace = timedelta(seconds=(await work.get_rule("auth.refresh_grace")).value)
    within_grace = token.used_at is not None and work.at - token.used_at <= grace
    return within_grace and not await repository.system_successor_was_used(work, token)


async def token_exchange_grant(context: ServiceContext, token: str) -> TokenAnswer:
    """Exchange an external ID token for tokens of the account it names (RFC 8693).

    Raises OAuthError when the issuer is not trusted, the token is not valid, or no enabled account has that name.
    """
    issuer = _find_issuer(context, token)
    claims = await _verify_id_token(context, issuer, token)
    name = claims.get(issuer.username_claim)
    if not isinstance(name, str) or not name:
        raise OAuthError("invalid_grant", f"统一身份认证的令牌里没有用户名({issuer.username_claim})")
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        account = await accounts.system_find_account(work, name, lock=True)
        if account is None or account.disabled or account.kind != "user":
            raise OAuthError("invalid_grant", f"本系统没有账号 {name}, 或已停用, 请联系管理员")
        await publish_account_event(work, account, SignedIn(account=account.id, way=issuer.issuer))
        return await issue_tokens(work, account, refreshing=True, outside=True)


def _find_issuer(context: ServiceContext, token: str) -> TrustedIssuer:
    claimed = _decode_token_part(token, 1).get("iss")
    for issuer in context.settings.trusted_issuers:
        if issuer.issuer == claimed:
            return issuer
    raise OAuthError("invalid_grant", "不受信任的身份认证方")


async def _verify_id_token(context: ServiceContext, issuer: TrustedIssuer, token: str) -> dict[str, Any]:
    kid, at = _decode_token_part(token, 0).get("kid"), context.clock()
    jwks = await context.clients.get_external(issuer.jwks_url, at, fresh=JWKS_MAX_AGE)
    if kid not in {key.get("kid") for key in jwks.get("keys", [])}:
        jwks = await context.clients.get_external(issuer.jwks_url, at, fresh=JWKS_MIN_REFRESH)
    try:
        claims: dict[str, Any] = jwt.decode(
            token, KeySet.import_key_set(jwks), algorithms=ID_TOKEN_ALGORITHMS
        ).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _invalid_token_error() from error
    audience, now = claims.get("aud"), at.timestamp()
    expires, not_before = claims.get("exp"), claims.get("nbf", claims.get("iat", 0))
    if not isinstance(expires, int | float) or not isinstance(not_before, int | float):
        raise _invalid_token_error()
    audience_matches = issuer.audience in (audience if isinstance(audience, list) else [audience])
    if not audience_matches or now >= expires or not_before > now + LEEWAY_S:
        raise _invalid_token_error()
    return claims


def _invalid_token_error() -> OAuthError:
    return OAuthError("invalid_grant", "统一身份认证的令牌无效或已过期, 请重新登录")


def _decode_token_part(token: str, index: int) -> dict[str, Any]:
    try:
        content = json.loads(urlsafe_b64decode(token.split(".")[index].encode()))
    except (ValueError, IndexError) as error:
        raise _invalid_token_error() from error
    if not isinstance(content, dict):
        raise _invalid_token_error()
    return content


async def delete_expired_tokens(context: ServiceContext) -> int:
    """Delete refresh tokens that can no longer be used; return how many there were."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        return await repository.system_delete_expired_tokens(work, work.at)
