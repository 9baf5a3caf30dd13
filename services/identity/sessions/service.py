"""Signing in: passwords, refresh tokens that rotate, machine clients. What is refused is refused alike."""

import math
from datetime import datetime, timedelta

from services.identity.accounts import repository as accounts
from services.identity.accounts.lockout import locked, note_failure
from services.identity.accounts.models import Account
from services.identity.accounts.passwords import matches
from services.identity.sessions import repository
from services.identity.sessions.issuing import Failed, digest, issue, tell
from services.identity.sessions.models import RefreshToken
from services.identity.sessions.schemas import TokenAnswer
from shared.contracts.identity import SignedIn, TokenReused
from shared.work import Context, Work

WAYS = {"user": "password", "machine": "client_credentials"}


async def by_secret(
    context: Context, account_id: str, secret: str, kind: str, scope: str = ""
) -> TokenAnswer:
    """Sign in with a password or a client secret; Failed otherwise, after as much time.

    A machine may ask for some of its scopes only (RFC 6749, 3.3); for one it does not have it gets no token.
    """
    async with context.database.read() as session:
        account = await accounts.system_get(context.work(session), account_id)
    usable = account is not None and account.kind == kind and not account.disabled
    if account is not None and usable and locked(account, context.clock()):
        raise _locked(account, context.clock())
    right = await matches(secret, account.secret if account is not None and usable else None)
    if not right or account is None:
        await note_failure(context, account_id)
        raise _wrong(kind)
    async with context.database.write() as session:
        work = context.work(session)
        found = await accounts.system_get(work, account_id, lock=True)
        if found is None or found.disabled or found.secret != account.secret:
            raise _wrong(kind)
        if locked(found, work.at):
            # Guesses made side by side count like guesses made one after the other.
            raise _locked(found, work.at)
        scopes = _asked(found, scope)
        found.failures, found.locked_until = 0, None
        work.session.add(found)
        await tell(work, found, SignedIn(account=found.id, way=WAYS[kind]))
        return await issue(work, found, refreshing=kind == "user", scopes=scopes)


def _asked(account: Account, scope: str) -> str:
    """What a machine's token opens: all its scopes, or those asked for. Failed when it does not have one of them."""
    wanted, held = set(scope.split()), set(account.scopes.split())
    if account.kind == "machine" and (strange := sorted(wanted - held)):
        raise Failed("invalid_scope", f"这个客户端没有权限 {'、'.join(strange)}")
    return " ".join(sorted(wanted & held or held))


def _wrong(kind: str) -> Failed:
    if kind == "user":
        return Failed("invalid_grant", "用户名或口令不对, 或账号已停用")
    return Failed("invalid_client", "客户端编号或密钥不对", 401)


def _locked(account: Account, at: datetime) -> Failed:
    left = (account.locked_until - at).total_seconds() if account.locked_until is not None else 0
    return Failed("invalid_grant", f"失败次数过多, 请 {math.ceil(left / 60)} 分钟后再试")


async def by_refresh(context: Context, token: str) -> TokenAnswer:
    """The next pair of tokens; a token used twice revokes its whole family, since one of the two users stole it.

    Except at once and before its successor was used (`auth.refresh_grace`): then the answer was lost on a bad line.
    """
    async with context.database.write() as session:
        work = context.work(session)
        found = await repository.system_claim(work, digest(token))
        if found is not None and found.revoked_at is None and found.expires_at > work.at:
            account = await accounts.system_get(work, found.account_id)
            stolen = found.used_at is not None and not await _lost_answer(work, found)
            if account is not None and stolen:
                await repository.system_revoke(work, found.family)
                await tell(work, account, TokenReused(account=account.id, family=found.family))
            elif account is not None and not account.disabled:
                found.used_at = found.used_at or work.at
                work.session.add(found)
                return await issue(work, account, family=found.family, refreshing=True, outside=found.outside)
    raise Failed("invalid_grant", "登录已失效, 请重新登录")


async def _lost_answer(work: Work, token: RefreshToken) -> bool:
    grace = timedelta(seconds=(await work.rule("auth.refresh_grace")).value)
    soon = token.used_at is not None and work.at - token.used_at <= grace
    return soon and not await repository.system_went_on(work, token)
