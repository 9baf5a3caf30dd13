"""Signing in: passwords, refresh tokens that rotate, machine clients. What is refused is refused alike."""

import hashlib
import secrets as random
from dataclasses import dataclass
from datetime import timedelta

from joserfc import jwt

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account
from services.identity.accounts.secrets import matches
from services.identity.keys.service import signer
from services.identity.sessions import repository
from services.identity.sessions.models import RefreshToken
from services.identity.sessions.schemas import TokenAnswer
from shared.access import NATION, Actor
from shared.contracts.identity import AccountLocked, TokenReused
from shared.events import Event
from shared.ids import new_id
from shared.log import publish
from shared.work import Context, Work

ACCESS = timedelta(minutes=10)
REFRESH = timedelta(days=14)


@dataclass(frozen=True)
class Failed(Exception):
    """The token endpoint says no, in OAuth2's words."""

    error: str
    words: str
    status: int = 400


WRONG = Failed("invalid_grant", "用户名或口令不对, 或账号已停用")


async def by_secret(context: Context, account_id: str, secret: str, kind: str) -> TokenAnswer:
    """Sign in with a password or a client secret; Failed otherwise, after as much time."""
    async with context.database.write() as session:
        work = context.work(session)
        account = await accounts.system_get(work, account_id)
    usable = account is not None and account.kind == kind and not account.disabled
    if account is not None and account.locked_until is not None and account.locked_until > work.at:
        minutes = int((account.locked_until - work.at).total_seconds() // 60) + 1
        raise Failed("invalid_grant", f"失败次数过多, 请 {minutes} 分钟后再试")
    right = await matches(secret, account.secret if usable and account is not None else None)
    if not right:
        await _note_failure(context, account_id)
        raise WRONG if kind == "user" else Failed("invalid_client", "客户端编号或密钥不对", 401)
    async with context.database.write() as session:
        work = context.work(session)
        account = await accounts.system_get(work, account_id, lock=True)
        if account is None or account.disabled:
            raise WRONG
        account.failures, account.locked_until = 0, None
        work.session.add(account)
        return await _issue(work, account, family=str(new_id()), refreshing=kind == "user")


async def by_refresh(context: Context, token: str) -> TokenAnswer:
    """The next pair of tokens; a token used twice revokes its whole family, since one of the two users stole it."""
    reused = False
    async with context.database.write() as session:
        work = context.work(session)
        found = await repository.system_claim(work, _digest(token))
        if found is not None and found.used_at is not None:
            await repository.system_revoke(work, found.family)
            account = await accounts.system_get(work, found.account_id)
            if account is not None:
                await _tell(work, account, TokenReused(account=account.id, family=found.family))
            reused = True
        elif found is not None and found.revoked_at is None and found.expires_at > work.at:
            account = await accounts.system_get(work, found.account_id)
            if account is not None and not account.disabled:
                found.used_at = work.at
                work.session.add(found)
                return await _issue(work, account, family=found.family, refreshing=True)
    raise Failed("invalid_grant", "登录已在别处刷新, 请重新登录" if reused else "登录已过期, 请重新登录")


async def _note_failure(context: Context, account_id: str) -> None:
    async with context.database.write() as session:
        work = context.work(session)
        account = await accounts.system_get(work, account_id, lock=True)
        if account is None:
            return
        rule = (await work.rule("auth.lock_out")).value
        account.failures += 1
        if account.failures >= rule["attempts"]:
            account.failures = 0
            account.locked_until = work.at + timedelta(minutes=rule["minutes"])
            await _tell(work, account, AccountLocked(account=account.id, minutes=rule["minutes"]))
        work.session.add(account)


async def _issue(work: Work, account: Account, *, family: str, refreshing: bool) -> TokenAnswer:
    grants = (await accounts.system_grants(work, [account.id], work.today))[account.id]
    settings = work.context.settings
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": account.id,
        "name": account.name,
        "org": account.organisation,
        "kind": account.kind,
        "grants": [[str(one.role), one.region] for one in grants],
        "iat": int(work.at.timestamp()),
        "exp": int((work.at + ACCESS).timestamp()),
        "jti": str(new_id()),
        "sid": family,
    }
    if account.scopes:
        claims["scope"] = account.scopes
    key = await signer(work)
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
    answer = TokenAnswer(
        access_token=token, expires_in=int(ACCESS.total_seconds()), must_change=account.must_change
    )
    if refreshing:
        answer.refresh_token = random.token_urlsafe(48)
        work.session.add(
            RefreshToken(
                digest=_digest(answer.refresh_token),
                family=family,
                account_id=account.id,
                issued_at=work.at,
                expires_at=work.at + REFRESH,
            )
        )
        await work.session.flush()
    return answer


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _tell(work: Work, account: Account, event: Event) -> None:
    await publish(
        work.session,
        event,
        actor=Actor(account.id, account.name, ()),
        subject=account.id,
        version=account.version,
        region=account.region or NATION,
        at=work.at,
    )
