"""OAuth2 grants: password, client credentials, refresh token and token exchange.

An access token is valid for ten minutes and carries the grants in force today; a refresh token is used once.
"""

import asyncio
import hashlib
import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt

from services.identity.accounts import repository as accounts
from services.identity.accounts.models import Account, RoleGrant
from services.identity.accounts.passwords import verify_password
from services.identity.accounts.service import USER_KIND, require_reach_over
from services.identity.issuers import service as issuers
from services.identity.keys.service import get_signing_key
from services.identity.lock_outs import service as lock_outs
from services.identity.organisations import repository as organisations
from services.identity.passkeys import service as passkeys
from services.identity.passkeys.models import Ceremony
from services.identity.passkeys.schemas import Assertion
from services.identity.policy import MAX_ACCESS_LIFE, PASSWORD_AGE, REFRESH_GRACE, SESSIONS, TOKEN_LIFE
from services.identity.regions import repository as regions
from services.identity.second_factors import service as second_factors
from services.identity.sessions import repository
from services.identity.sessions.models import RefreshToken, Session
from services.identity.sessions.schemas import Revocations, TokenAnswer
from shared.auth import Actor, May
from shared.clients.identity import SessionsEnded, SignedIn, TokenReused
from shared.db import new_id
from shared.errors import NotFound
from shared.events import Event
from shared.http import find_subscriber
from shared.records import log_event
from shared.unit_of_work import ServiceContext, UnitOfWork

SIGN_IN_METHODS = {"user": "password", "machine": "client_credentials"}
TOKEN_EXCHANGE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693
CHANGE_MARGIN = timedelta(minutes=1)
"""How much longer than an access token lives a change of its session is told to services."""
ENDED_GENERATION = 2**31
"""Told for a session that ended: no access token is of this generation."""
LOOK_PAUSE_S = 2
"""Seconds between two looks for changed sessions while a service waits for them."""
RETENTION = timedelta(days=180)
"""How long an expired session can still be looked up by an auditor."""


class OAuthError(Exception):
    """Refusal of the token endpoint: OAuth2 error code, Chinese description, HTTP status, what a passkey would have to sign."""

    def __init__(
        self, error: str, text: str, status: int = 400, *, passkey: dict[str, Any] | None = None
    ) -> None:
        super().__init__(text)
        self.error, self.text, self.status, self.passkey = error, text, status, passkey


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody signs in with: name, password or client secret; a code or a passkey's signature where the account needs one."""

    name: str
    secret: str
    code: str = ""
    passkey: Assertion | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request for tokens comes from: network address and what the program calls itself."""

    source: str = ""
    agent: str = ""


async def open_session(
    work: UnitOfWork, account: Account, client: Client, method: str, *, session_id: str = ""
) -> Session:
    """Begin a session of an account; the oldest ones end when there are more than rule `auth.sessions` allows."""
    life = (await work.get_rule(TOKEN_LIFE, region=account.region)).value
    session = Session(
        id=session_id or str(new_id()),
        account_id=account.id,
        method=method,
        source=find_subscriber(client.source),
        agent=client.agent[:200],
        started_at=work.at,
        used_at=work.at,
        changed_at=work.at,
        expires_at=work.at + (life.refresh if account.kind == USER_KIND else life.access),
    )
    if account.kind == USER_KIND:
        limit = (await work.get_rule(SESSIONS, region=account.region)).value.most
        surplus = (await repository.system_list_open_sessions(work, account.id))[limit - 1 :]
        if surplus:
            await repository.system_end_sessions(work, [one.id for one in surplus], "too_many")
    work.session.add(session)
    await work.session.flush()
    return session


async def issue_tokens(
    work: UnitOfWork, account: Account, session: Session, *, outside: bool = False, scopes: str = ""
) -> TokenAnswer:
    """Sign an access token and, for a person, create a refresh token of the session.

    A machine's access token is limited to `scopes`. The tokens carry no grants while an account must change its password
    or set up a second factor; an `outside` sign-in uses no password of this system.
    """
    key = await get_signing_key(work)
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    must_change = not outside and (account.must_change or await _is_password_expired(work, account))
    must_enrol = await second_factors.is_required(work, account, grants) and not (
        await second_factors.is_active(work, account.id) or _issuer_checks_factor(work, session)
    )
    life = (await work.get_rule(TOKEN_LIFE, region=account.region)).value
    claims = await _build_claims(work, account, grants, work.at + life.access)
    claims |= {"sid": session.id, "gen": session.generation}
    if must_change or must_enrol:
        claims["grants"] = []
    if account.kind == "machine":
        claims["scope"] = scopes
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
    answer = TokenAnswer(
        access_token=token,
        expires_in=int(life.access.total_seconds()),
        must_change=must_change,
        must_enrol=must_enrol,
        scope=scopes,
    )
    if account.kind == USER_KIND:
        answer.refresh_token = random.token_urlsafe(48)
        session.expires_at = work.at + life.refresh
        work.session.add(session)
        work.session.add(
            RefreshToken(
                digest=digest_token(answer.refresh_token),
                family=session.id,
                account_id=account.id,
                outside=outside,
                issued_at=work.at,
                expires_at=session.expires_at,
            )
        )
        await work.session.flush()
    return answer


async def _is_password_expired(work: UnitOfWork, account: Account) -> bool:
    """Whether the password is older than rule `auth.password_age` allows (0: never)."""
    days = (await work.get_rule(PASSWORD_AGE, region=account.region)).value
    if not days or account.kind != USER_KIND or not account.secret or second_factors.is_exempt(work, account):
        return False
    return (account.password_changed_at or account.created_at) + timedelta(days=days) <= work.at


def _issuer_checks_factor(work: UnitOfWork, session: Session) -> bool:
    """Whether the session was opened by an issuer that checks a second factor itself."""
    return any(
        one.issuer == session.method and one.second_factor for one in work.context.settings.trusted_issuers
    )


async def _build_claims(
    work: UnitOfWork, account: Account, grants: Sequence[RoleGrant], expires_at: datetime
) -> dict[str, object]:
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
        "exp": int(expires_at.timestamp()),
        "jti": str(new_id()),
    }


async def build_actor_claims(work: UnitOfWork, account: Account) -> dict[str, object]:
    """Describe an account and its grants of today, as an access token would."""
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    return await _build_claims(work, account, [] if account.must_change else grants, work.at)


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
    context: ServiceContext, credentials: Credentials, kind: str, client: Client, scope: str = ""
) -> TokenAnswer:
    """Sign in with a password or a client secret, and a second factor where the account has one.

    Raises OAuthError with the same words and after the same time for any name, whether an account has it or not. A machine
    may request a subset of its scopes (RFC 6749, section 3.3); a scope it does not have is refused.
    """
    name = credentials.name
    async with context.database.read() as session:
        reading = context.unit_of_work(session)
        if (locked_until := await lock_outs.find_lock(reading, kind, name, client.source)) is not None:
            raise OAuthError("invalid_grant", lock_outs.describe_lock(locked_until, reading.at))
        account = await accounts.system_find_account(reading, name)
        usable = account is not None and account.kind == kind and not account.disabled
        needs_factor = account is not None and usable and await second_factors.is_active(reading, account.id)
        good_code = needs_factor and await second_factors.matches_code(reading, name, credentials.code)
    verified = await verify_password(
        credentials.secret, account.secret if account is not None and usable else None, client.source
    )
    if not verified or account is None or (needs_factor and credentials.code and not good_code):
        reason = "code" if verified else "password"
        await lock_outs.record_failure(context, kind, name, client.source, account=account, reason=reason)
        raise _invalid_code_error() if verified else _invalid_credentials_error(kind)
    if needs_factor and not credentials.code:
        await _use_passkey(context, account, credentials.passkey, client)
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        current = await accounts.system_find_account(work, name, lock=True)
        if current is None or current.disabled or current.secret != account.secret:
            raise _invalid_credentials_error(kind)
        if (locked_until := await lock_outs.find_lock(work, kind, name, client.source)) is not None:
            # Concurrent guesses can lock the source out after it was read above.
            raise OAuthError("invalid_grant", lock_outs.describe_lock(locked_until, work.at))
        if (
            credentials.code
            and needs_factor
            and not await second_factors.use_code(work, name, credentials.code)
        ):
            raise _invalid_code_error()
        scopes = _select_scopes(current, scope)
        await lock_outs.record_success(work, kind, name, client.source)
        factor = "+otp" if credentials.code else "+passkey"
        method = SIGN_IN_METHODS[kind] + (factor if needs_factor else "")
        opened = await open_session(work, current, client, method)
        await publish_account_event(
            work, current, SignedIn(account=current.id, way=method, source=opened.source)
        )
        return await issue_tokens(work, current, opened, scopes=scopes)


async def _use_passkey(
    context: ServiceContext, account: Account, given: Assertion | None, client: Client
) -> None:
    """Use up what a passkey signed for a sign-in whose password was right.

    OAuthError `mfa_required` without it, with what a passkey of the account would have to sign; `invalid_grant`, counted
    as a failure, when it is refused.
    """
    if given is None:
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            options = await passkeys.create_assertion_options(work, account.id, "", Ceremony.SIGN_IN)
        words = "请输入动态口令或恢复码 (otp)" + (", 或使用通行密钥 (passkey)" if options else "")
        raise OAuthError("mfa_required", words, passkey=options)
    try:
        await passkeys.use_assertion(context, account.id, "", Ceremony.SIGN_IN, given)
    except passkeys.PasskeyRefused as refused:
        reason = f"passkey_{refused.reason}"
        await lock_outs.record_failure(
            context, account.kind, account.id, client.source, account=account, reason=reason
        )
        raise OAuthError("invalid_grant", refused.text) from refused


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


def _invalid_code_error() -> OAuthError:
    return OAuthError("invalid_grant", "动态口令不对或已用过, 请等下一个再试")


async def refresh_grant(context: ServiceContext, token: str, client: Client) -> TokenAnswer:
    """Exchange a refresh token for a new pair of tokens. Raises OAuthError when it is not valid.

    A second use ends the session, since one of the two users must have stolen the token. A second use within the seconds
    of rule `auth.refresh_grace`, before the successor was used, is a retry after a lost response: the successor is
    replaced, and its use afterwards is theft as well. A session that was idle too long (rule `auth.sessions`) has ended.
    """
    async with context.database.write() as database_session:
        work = context.unit_of_work(database_session)
        stored = await repository.system_lock_token(work, digest_token(token))
        account = None if stored is None else await accounts.system_find_account(work, stored.account_id)
        if stored is not None and account is not None and stored.expires_at > work.at:
            repeated = stored.used_at is not None and not await _is_retry_after_lost_response(work, stored)
            if stored.superseded or (stored.revoked_at is None and repeated):
                await repository.system_end_sessions(work, [stored.family], "reused")
                await publish_account_event(
                    work, account, TokenReused(account=account.id, family=stored.family)
                )
            elif stored.revoked_at is None and not account.disabled:
                session = await _continue_session(work, account, stored, client)
                if session is not None:
                    stored.used_at = stored.used_at or work.at
                    work.session.add(stored)
                    await work.session.flush()
                    await repository.system_supersede_unused(work, stored.family)
                    return await issue_tokens(work, account, session, outside=stored.outside)
    raise OAuthError("invalid_grant", "登录已失效, 请重新登录")


async def _continue_session(
    work: UnitOfWork, account: Account, token: RefreshToken, client: Client
) -> Session | None:
    """The session of a refresh token, marked as used; None when it ended, was idle too long or is too old, which ends it."""
    session = await repository.system_find_session(work, token.family, lock=True)
    if session is None:  # signed in before sessions were recorded
        method = "outside" if token.outside else "password"
        return await open_session(work, account, client, method, session_id=token.family)
    if session.ended_at is not None:
        return None
    rule = (await work.get_rule(SESSIONS, region=account.region)).value
    grants = (await accounts.system_list_grants(work, [account.id], work.today))[account.id]
    privileged = await second_factors.is_required(work, account, grants)
    idle = timedelta(minutes=rule.privileged_idle_minutes if privileged else rule.idle_minutes)
    longest = timedelta(hours=rule.privileged_longest_hours if privileged else rule.longest_days * 24)
    is_idle, is_old = work.at - session.used_at >= idle, work.at - session.started_at >= longest
    if is_idle or is_old:
        await repository.system_end_sessions(work, [session.id], "idle" if is_idle else "expired")
        return None
    session.used_at, session.source = work.at, find_subscriber(client.source)
    work.session.add(session)
    return session


async def _is_retry_after_lost_response(work: UnitOfWork, token: RefreshToken) -> bool:
    grace = timedelta(seconds=(await work.get_rule(REFRESH_GRACE)).value)
    within_grace = token.used_at is not None and work.at - token.used_at <= grace
    return within_grace and not await repository.system_successor_was_used(work, token)


async def token_exchange_grant(context: ServiceContext, token: str, client: Client) -> TokenAnswer:
    """Exchange an external ID token for tokens of the account its person is bound to (RFC 8693).

    Raises OAuthError when the issuer is not trusted, the token is not valid or was used, or nobody is bound.
    """
    try:
        issuer, claims = await issuers.verify_id_token(context, token)
        async with context.database.write() as database_session:
            work = context.unit_of_work(database_session)
            account = await issuers.find_account(work, issuer, claims, token)
            session = await open_session(work, account, client, issuer.issuer)
            signed_in = SignedIn(account=account.id, way=issuer.issuer, source=session.source)
            await publish_account_event(work, account, signed_in)
            return await issue_tokens(work, account, session, outside=True)
    except issuers.InvalidIdToken as error:
        raise OAuthError("invalid_grant", str(error)) from error


async def list_own_sessions(work: UnitOfWork) -> list[Session]:
    """The caller's open sessions, the last used first."""
    return await repository.system_list_open_sessions(work, work.actor.id)


async def list_sessions(work: UnitOfWork, account_id: str) -> list[Session]:
    """The open sessions of an account in the caller's regions."""
    account = await accounts.get_account(work, account_id, USER_KIND)
    work.actor.require(May.ACCOUNT_MANAGE, account.region)
    return await repository.system_list_open_sessions(work, account.id)


async def end_own_sessions(work: UnitOfWork, session_id: str = "") -> None:
    """End one of the caller's sessions, or all of them; NotFound for a session of somebody else."""
    sessions = await list_own_sessions(work)
    ending = [one.id for one in sessions if session_id in {"", one.id}]
    if session_id and not ending:
        raise NotFound("没有这个会话", "No such session")
    if session_id:
        await repository.system_end_sessions(work, ending, "signed_out")
    else:
        await repository.system_end_account(work, work.actor.id, "signed_out")
    account = await accounts.system_find_account(work, work.actor.id)
    if account is not None:
        ended = SessionsEnded(account=account.id, count=len(ending), reason="signed_out")
        await log_event(work, account, ended)


async def end_sessions(work: UnitOfWork, account_id: str) -> None:
    """End every session of another account; all its grants must lie in the caller's regions."""
    account = await accounts.get_account(work, account_id, USER_KIND, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, account.region)
    await require_reach_over(work, account)
    count = len(await repository.system_list_open_sessions(work, account.id))
    await repository.system_end_account(work, account.id, "ended")
    await log_event(work, account, SessionsEnded(account=account.id, count=count, reason="ended"))


async def wait_for_revocations(context: ServiceContext, known: str, wait: float) -> Revocations:
    """The sessions that changed of late; while the answer is the one tagged `known`, wait at most so many seconds for another."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + wait
    while True:
        written = context.database.count_writes()
        async with context.database.read() as session:
            answer = await _list_revocations(context.unit_of_work(session))
        if answer.tag != known:
            return answer
        await asyncio.sleep(min(LOOK_PAUSE_S, wait))
        while context.database.is_unwritten_since(written) and loop.time() < ends and not context.draining:  # noqa: ASYNC110 - a comparison in memory
            await asyncio.sleep(LOOK_PAUSE_S)
        if loop.time() >= ends or context.draining:
            return answer


async def _list_revocations(work: UnitOfWork) -> Revocations:
    changed = await repository.system_list_changes(work, work.at - MAX_ACCESS_LIFE - CHANGE_MARGIN)
    sessions = {one.id: one.generation if one.ended_at is None else ENDED_GENERATION for one in changed}
    mergers = await regions.system_list_mergers(work)
    tag = hashlib.sha256(repr((sorted(sessions.items()), mergers)).encode()).hexdigest()
    return Revocations(sessions=sessions, mergers=mergers, tag=tag)


async def delete_expired_tokens(context: ServiceContext) -> int:
    """Delete refresh tokens that can no longer be used; return how many there were."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        return await repository.system_delete_expired_tokens(work, work.at)


async def purge_old_sessions(context: ServiceContext) -> None:
    """Delete sessions that expired longer ago than `RETENTION`, used tokens of issuers, challenges, old counts of sign-ins."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        await repository.system_delete_sessions(work, work.at - RETENTION)
    await issuers.purge_used_tokens(context)
    await passkeys.purge_challenges(context)
    await lock_outs.purge_counts(context)
