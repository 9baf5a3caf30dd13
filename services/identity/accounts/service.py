"""What may be done with accounts, and by whom: an administrator within their own regions."""

from collections.abc import Sequence
from typing import Any

from services.identity.accounts import repository
from services.identity.accounts.grants import give
from services.identity.accounts.models import Account
from services.identity.accounts.passwords import hashed, require_strong
from services.identity.accounts.schemas import AccountChange, AccountCreate, AccountRead, GrantWrite
from services.identity.organisations import repository as organisations
from services.identity.sessions import repository as sessions
from shared.contracts.identity import AccountChanged
from shared.errors import Conflict, Forbidden
from shared.http import Match
from shared.log import publish
from shared.permissions import May
from shared.work import Work, plain

PERSON = "user"


async def shown(work: Work, rows: Sequence[Account]) -> list[AccountRead]:
    """Accounts with their grants and organisations, in three statements whatever their number."""
    grants = await repository.system_grants(work, [row.id for row in rows])
    names = await organisations.names(work, [row.organisation_id for row in rows])
    return [
        AccountRead.model_validate(row).model_copy(
            update={
                "grants": [GrantWrite.model_validate(one) for one in grants[row.id]],
                "organisation": names.get(row.organisation_id, ""),
            }
        )
        for row in rows
    ]


async def add_person(work: Work, body: AccountCreate) -> Account:
    """A new person's account; a password given by somebody else must be changed before anything is done with it."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    secret = await _secret(work, body.id, body.password) if body.password is not None else ""
    columns = body.model_dump(include={"name", "region", "organisation_id"})
    return await add(
        work, body.id, body.grants, kind=PERSON, secret=secret, must_change=bool(secret), **columns
    )


async def _secret(work: Work, account_id: str, password: str) -> str:
    """The hash, made before the first statement of the change, so that nobody waits for it behind a lock."""
    async with work.context.database.read() as session:
        await require_strong(work.context.work(session), account_id, password, "/password")
    return await hashed(password)


async def add(work: Work, account_id: str, grants: Sequence[GrantWrite], **columns: Any) -> Account:  # noqa: ANN401
    """A new account of any kind; Conflict when its id is taken."""
    if await repository.system_get(work, account_id) is not None:
        raise Conflict(f"用户名 {account_id} 已被使用", f"{account_id} is taken")
    if (organisation_id := columns.get("organisation_id")) is not None:
        await organisations.get(work, organisation_id)
    made = Account(id=account_id, created_at=work.at, created_by=work.actor.id, updated_at=work.at, **columns)
    work.session.add(made)
    await work.session.flush()
    await give(work, made, grants)
    await tell(work, made)
    return made


async def change(work: Work, account_id: str, body: AccountChange, match: Match) -> Account:
    """Change a person's account; grants and disabling count with the next token, ten minutes at most."""
    secret = await _secret(work, account_id, body.password) if body.password is not None else None
    found = await kept(work, account_id, PERSON, match)
    if account_id == work.actor.id and (body.grants is not None or body.disabled or secret):
        raise Forbidden("不能更改本人的授权、停用本人或重置本人口令", "Four eyes: another administrator must")
    before = plain({"name": found.name, "disabled": found.disabled})
    for name in ("name", "organisation_id", "disabled"):
        if (value := getattr(body, name)) is not None:
            setattr(found, name, value)
    if body.organisation_id is not None:
        await organisations.get(work, body.organisation_id)
    if secret is not None:
        found.secret, found.must_change = secret, True
        found.failures, found.locked_until = 0, None
    if body.grants is not None:
        await repository.drop_grants(work, account_id)
        await give(work, found, body.grants)
    if secret is not None or found.disabled:
        await sessions.system_revoke_all(work, found.id)
    await save(work, found, before=before)
    return found


async def kept(work: Work, account_id: str, kind: str, match: Match) -> Account:
    """An account to be changed by an administrator, locked, at the version they saw."""
    found = await repository.get(work, account_id, kind, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, found.region)
    match.require(found)
    return found


async def save(work: Work, account: Account, *, before: dict[str, Any] | None = None) -> None:
    """Count the change and tell it."""
    account.version += 1
    account.updated_at = work.at
    work.session.add(account)
    await work.session.flush()
    await tell(work, account, before=before)


async def tell(work: Work, account: Account, *, before: dict[str, Any] | None = None) -> None:
    """An account is as it is now, with all its grants."""
    grants = (await repository.system_grants(work, [account.id]))[account.id]
    event = AccountChanged(
        account=account.id,
        kind=account.kind,
        disabled=account.disabled,
        grants=tuple((str(one.role), one.region) for one in grants),
    )
    await publish(
        work.session,
        event,
        actor=work.actor,
        subject=account.id,
        version=account.version,
        region=account.region,
        at=work.at,
        before=before,
    )
