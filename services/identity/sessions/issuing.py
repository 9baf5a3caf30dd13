"""Tokens as they leave: an access token of ten minutes with the grants of today, a refresh token that is used once."""

import hashlib
import secrets as random
from datetime import timedelta

from joserfc import jwt

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account
from services.identity.keys.service import signer
from services.identity.organisations import repository as organisations
from services.identity.sessions.models import RefreshToken
from services.identity.sessions.schemas import TokenAnswer
from shared.access import NATION, Actor
from shared.events import Event
from shared.ids import new_id
from shared.log import publish
from shared.work import Work

ACCESS = timedelta(minutes=10)
REFRESH = timedelta(days=14)


class Failed(Exception):
    """The token endpoint says no, in OAuth2's words."""

    def __init__(self, error: str, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.error, self.words, self.status = error, words, status


async def issue(
    work: Work,
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
    key = await signer(work)
    waits = account.must_change and not outside
    claims = {**await _claims(work, account), "sid": family}
    if waits:
        claims["grants"] = []
    if account.kind == "machine":
        claims["scope"] = scopes
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
    answer = TokenAnswer(
        access_token=token, expires_in=int(ACCESS.total_seconds()), must_change=waits, scope=scopes
    )
    if refreshing:
        answer.refresh_token = random.token_urlsafe(48)
        work.session.add(
            RefreshToken(
                digest=digest(answer.refresh_token),
                family=family,
                account_id=account.id,
                outside=outside,
                issued_at=work.at,
                expires_at=work.at + REFRESH,
            )
        )
        await work.session.flush()
    return answer


async def _claims(work: Work, account: Account) -> dict[str, object]:
    grants = (await accounts.system_grants(work, [account.id], work.today))[account.id]
    names = await organisations.names(work, [account.organisation_id])
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
        "exp": int((work.at + ACCESS).timestamp()),
        "jti": str(new_id()),
    }


def digest(token: str) -> str:
    """What is kept of a refresh token; 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


async def tell(work: Work, account: Account, event: Event) -> None:
    """Write an event about an account, by the account itself."""
    await publish(
        work.session,
        event,
        actor=Actor(account.id, account.name, ()),
        subject=account.id,
        version=account.version,
        region=account.region or NATION,
        at=work.at,
    )
