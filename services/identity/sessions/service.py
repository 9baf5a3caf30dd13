"""Tokens as they leave: an access token of ten minutes with the grants of today, a refresh token that is used once."""

import hashlib
import json
import math
import secrets as random
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
from shared.auth import NATION_CODE, Actor
from shared.clients.identity import SignedIn, TokenReused
from shared.db import new_id
from shared.events import Event, publish
from shared.settings import TrustedIssuer
from shared.unit_of_work import ServiceContext, UnitOfWork

ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
REFRESH_TOKEN_LIFETIME = timedelta(days=14)


class OAuthError(Exception):
    """The token endpoint says no, in OAuth2's words."""

    def __init__(self, error: str, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.error, self.words, self.status = error, words, status


async def issue_tokens(
    work: UnitOfWork,
    account: Account,
    *,
    family: str = "",
    refreshing: bool,
    outside: bool = False,
    scopes: str = "",
) -> TokenAnswer:
    """An access token (a machine's opens its `scopes`), and a refresh token of the family where wanted.

    A password somebody else gave opens nothing but changing it: its tokens carry no grants. Who came by an `outside`
    issuer used no password of ours.
    """
    family = family or str(new_id())
    key = await get_signing_key(work)
    waits = account.must_change and not outside
    claims = {**await _build_claims(work, account), "sid": family}
    if waits:
        claims["grants"] = []
    if account.kind == "machine":
        claims["scope"] = scopes
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
    answer = TokenAnswer(
        access_token=token,
        expires_in=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        must_change=waits,
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
        "grants": [[str(one.role), one.region] for one in grants],
        "iat": int(work.at.timestamp()),
        "exp": int((work.at + ACCESS_TOKEN_LIFETIME).timestamp()),
        "jti": str(new_id()),
    }


def digest_token(token: str) -> str:
    """What is kept of a refresh token; 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


async def publish_account_event(work: UnitOfWork, account: Account, event: Event) -> None:
    """Write an event about an account, by the account itself."""
    await publish(
        work.session,
        event,
        actor=Actor(account.id, account.name, ()),
        subject=account.id,
        version=account.version,
        region=account.region or NATION_CODE,
        at=work.at,
    )


SIGN_IN_METHODS = {"user": "password", "machine": "client_credentials"}


async def password_grant(
    context: ServiceContext, account_id: str, secret: str, kind: str, scope: str = ""
) -> TokenAnswer:
    """Sign in with a password or a client secret; Failed otherwise, after as much time.

    A machine may ask for some of its scopes only (RFC 6749, 3.3); for one it does not have it gets no token.
    """
    async with context.database.read() as session:
        account = await accounts.system_find_account(context.unit_of_work(session), account_id)
    usable = account is not None and account.kind == kind and not account.disabled
    if account is not None and usable and is_locked(account, context.clock()):
        raise _account_locked_error(account, context.clock())
    right = await verify_password(secret, account.secret if account is not None and usable else None)
    if not right or account is None:
        await record_failed_login(context, account_id)
        raise _invalid_credentials_error(kind)
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        found = await accounts.system_find_account(work, account_id, lock=True)
        if found is None or found.disabled or found.secret != account.secret:
            raise _invalid_credentials_error(kind)
        if is_locked(found, work.at):
            # Guesses made side by side count like guesses made one after the other.
            raise _account_locked_error(found, work.at)
        scopes = _select_scopes(found, scope)
        found.failures, found.locked_until = 0, None
        work.session.add(found)
        await publish_account_event(work, found, SignedIn(account=found.id, way=SIGN_IN_METHODS[kind]))
        return await issue_tokens(work, found, refreshing=kind == "user", scopes=scopes)


def _select_scopes(account: Account, scope: str) -> str:
    """What a machine's token opens: all its scopes, or those asked for. Failed when it does not have one of them."""
    wanted, held = set(scope.split()), set(account.scopes.split())
    if account.kind == "machine" and (strange := sorted(wanted - held)):
        raise OAuthError("invalid_scope", f"这个客户端没有权限 {'、'.join(strange)}")
    return " ".join(sorted(wanted & held or held))


def _invalid_credentials_error(kind: str) -> OAuthError:
    if kind == "user":
        return OAuthError("invalid_grant", "用户名或口令不对, 或账号已停用")
    return OAuthError("invalid_client", "客户端编号或密钥不对", 401)


def _account_locked_error(account: Account, at: datetime) -> OAuthError:
    left = (account.locked_until - at).total_seconds() if account.locked_until is not None else 0
    return OAuthError("invalid_grant", f"失败次数过多, 请 {math.ceil(left / 60)} 分钟后再试")


async def refresh_grant(context: ServiceContext, token: str) -> TokenAnswer:
    """The next pair of tokens; a token used twice revokes its whole family, since one of the two users stole it.

    Except at once and before its successor was used (`auth.refresh_grace`): then the answer was lost on a bad line.
    """
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        found = await repository.system_lock_token(work, digest_token(token))
        if found is not None and found.revoked_at is None and found.expires_at > work.at:
            account = await accounts.system_find_account(work, found.account_id)
            stolen = found.used_at is not None and not await _is_retry_after_lost_response(work, found)
            if account is not None and stolen:
                await repository.system_revoke_family(work, found.family)
                await publish_account_event(
                    work, account, TokenReused(account=account.id, family=found.family)
                )
            elif account is not None and not account.disabled:
                found.used_at = found.used_at or work.at
                work.session.add(found)
                return await issue_tokens(
                    work, account, family=found.family, refreshing=True, outside=found.outside
                )
    raise OAuthError("invalid_grant", "登录已失效, 请重新登录")


async def _is_retry_after_lost_response(work: UnitOfWork, token: RefreshToken) -> bool:
    grace = timedelta(seconds=(await work.get_rule("auth.refresh_grace")).value)
    soon = token.used_at is not None and work.at - token.used_at <= grace
    return soon and not await repository.system_successor_was_used(work, token)


TOKEN_EXCHANGE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN_ALGORITHMS = ["ES256", "RS256", "PS256"]
JWKS_MAX_AGE, JWKS_MIN_REFRESH = timedelta(minutes=10), timedelta(seconds=10)
LEEWAY_S = 30


async def token_exchange_grant(context: ServiceContext, token: str) -> TokenAnswer:
    """Tokens for the account the issuer names; Failed when the issuer, the token or the account is not good."""
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
    said = _decode_token_part(token, 1).get("iss")
    for one in context.settings.trusted_issuers:
        if one.issuer == said:
            return one
    raise OAuthError("invalid_grant", "不受信任的身份认证方")


async def _verify_id_token(context: ServiceContext, issuer: TrustedIssuer, token: str) -> dict[str, Any]:
    kid, at = _decode_token_part(token, 0).get("kid"), context.clock()
    found = await context.clients.get_external(issuer.jwks_url, at, fresh=JWKS_MAX_AGE)
    if kid not in {one.get("kid") for one in found.get("keys", [])}:
        found = await context.clients.get_external(issuer.jwks_url, at, fresh=JWKS_MIN_REFRESH)
    try:
        claims: dict[str, Any] = jwt.decode(
            token, KeySet.import_key_set(found), algorithms=ID_TOKEN_ALGORITHMS
        ).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _invalid_token_error() from error
    audience, now = claims.get("aud"), at.timestamp()
    expires, begins = claims.get("exp"), claims.get("nbf", claims.get("iat", 0))
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise _invalid_token_error()
    meant = issuer.audience in (audience if isinstance(audience, list) else [audience])
    if not meant or now >= expires or begins > now + LEEWAY_S:
        raise _invalid_token_error()
    return claims


def _invalid_token_error() -> OAuthError:
    return OAuthError("invalid_grant", "统一身份认证的令牌无效或已过期, 请重新登录")


def _decode_token_part(token: str, place: int) -> dict[str, Any]:
    try:
        found = json.loads(urlsafe_b64decode(token.split(".")[place].encode()))
    except (ValueError, IndexError) as error:
        raise _invalid_token_error() from error
    if not isinstance(found, dict):
        raise _invalid_token_error()
    return found
