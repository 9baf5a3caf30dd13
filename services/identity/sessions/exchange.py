"""统一身份认证: an ID token of an outside OIDC issuer that the settings trust is exchanged for tokens of ours (RFC 8693).

The person must have an account here: the issuer says who it is, our grants say what they may do.
"""

import json
from datetime import timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from services.identity.accounts import repository as accounts
from services.identity.sessions.issuing import Failed, issue, tell
from services.identity.sessions.schemas import TokenAnswer
from shared.contracts.identity import SignedIn
from shared.settings import TrustedIssuer
from shared.work import Context

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ALGORITHMS = ["ES256", "RS256", "PS256"]
FRESH, AGAIN = timedelta(minutes=10), timedelta(seconds=10)
LEEWAY_S = 30


async def by_outside_token(context: Context, token: str) -> TokenAnswer:
    """Tokens for the account the issuer names; Failed when the issuer, the token or the account is not good."""
    issuer = _issuer(context, token)
    claims = await _verified(context, issuer, token)
    name = claims.get(issuer.username_claim)
    if not isinstance(name, str) or not name:
        raise Failed("invalid_grant", f"统一身份认证的令牌里没有用户名({issuer.username_claim})")
    async with context.database.write() as session:
        work = context.work(session)
        account = await accounts.system_get(work, name, lock=True)
        if account is None or account.disabled or account.kind != "user":
            raise Failed("invalid_grant", f"本系统没有账号 {name}, 或已停用, 请联系管理员")
        await tell(work, account, SignedIn(account=account.id, way=issuer.issuer))
        return await issue(work, account, refreshing=True, outside=True)


def _issuer(context: Context, token: str) -> TrustedIssuer:
    said = _part(token, 1).get("iss")
    for one in context.settings.trusted_issuers:
        if one.issuer == said:
            return one
    raise Failed("invalid_grant", "不受信任的身份认证方")


async def _verified(context: Context, issuer: TrustedIssuer, token: str) -> dict[str, Any]:
    kid, at = _part(token, 0).get("kid"), context.clock()
    found = await context.wire.outside(issuer.jwks_url, at, fresh=FRESH)
    if kid not in {one.get("kid") for one in found.get("keys", [])}:
        found = await context.wire.outside(issuer.jwks_url, at, fresh=AGAIN)
    try:
        claims: dict[str, Any] = jwt.decode(token, KeySet.import_key_set(found), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise _bad() from error
    audience, now = claims.get("aud"), at.timestamp()
    expires, begins = claims.get("exp"), claims.get("nbf", claims.get("iat", 0))
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise _bad()
    meant = issuer.audience in (audience if isinstance(audience, list) else [audience])
    if not meant or now >= expires or begins > now + LEEWAY_S:
        raise _bad()
    return claims


def _bad() -> Failed:
    return Failed("invalid_grant", "统一身份认证的令牌无效或已过期, 请重新登录")


def _part(token: str, place: int) -> dict[str, Any]:
    try:
        found = json.loads(urlsafe_b64decode(token.split(".")[place].encode()))
    except (ValueError, IndexError) as error:
        raise _bad() from error
    if not isinstance(found, dict):
        raise _bad()
    return found
