"""What may be done with accounts, and by whom: an administrator within their own regions."""

import secrets as random
from collections.abc import Sequence
from typing import Any

from services.identity.accounts import repository
from services.identity.accounts.models import Account, Granted
from services.identity.accounts.schemas import (
    AccountChange,
    AccountCreate,
    AccountRead,
    ClientCreate,
    ClientSecret,
    GrantShown,
    GrantWrite,
    Me,
    PasswordChange,
)
from services.identity.accounts.secrets import hashed, matches
from shared.access import inside
from shared.contracts.identity import AccountChanged
from shared.errors import Conflict, Fault, Forbidden, Invalid
from shared.http import Match
from shared.log import publish
from shared.permissions import ROLES, May, Role
from shared.work import Work


async def shown(work: Work, rows: Sequence[Account]) -> list[AccountRead]:
    """Accounts with their grants, in two statements whatever their number."""
    grants = await repository.system_grants(work, [row.id for row in rows])
    return [
        AccountRead.model_validate(row).model_copy(
            update={"grants": [GrantWrite.model_validate(one) for one in grants[row.id]]}
        )
        for row in rows
    ]


async def add(work: Work, body: AccountCreate) -> Account:
    """A new person's account; its password must be changed at the first login."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    secret = await hashed(body.password)
    return await _add(
        work, body.id, body.grants, kind="user", secret=secret, must_change=True, **_plain(body)
    )


async def add_client(work: Work, body: ClientCreate) -> ClientSecret:
    """A new machine client; its secret is answered once and never again."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    secret = random.token_urlsafe(32)
    grants = [GrantWrite(role=Role.MACHINE, region=body.region)]
    scopes = " ".join(sorted(body.scopes))
    made = await _add(
        work, body.id, grants, kind="machine", secret=await hashed(secret), scopes=scopes, **_plain(body)
    )
    (read,) = await shown(work, [made])
    return ClientSecret(**read.model_dump(), secret=secret)


def _plain(body: AccountCreate | ClientCreate) -> dict[str, Any]:
    return body.model_dump(include={"name", "organisation", "region"})


async def _add(work: Work, account_id: str, grants: Sequence[GrantWrite], **columns: Any) -> Account:  # noqa: ANN401
    if await repository.system_get(work, account_id) is not None:
        raise Conflict(f"用户名 {account_id} 已被使用", f"{account_id} is taken")
    made = Account(id=account_id, created_at=work.at, created_by=work.actor.id, updated_at=work.at, **columns)
    work.session.add(made)
    await work.session.flush()
    await _grant(work, made, grants)
    await _tell(work, made, grants)
    return made


async def change(work: Work, account_id: str, body: AccountChange, match: Match) -> Account:
    """Change an account; new grants take effect with the next token, ten minutes at most."""
    found = await repository.get(work, account_id, lock=True)
    work.actor.require(May.ACCOUNT_MANAGE, found.region)
    match.require(found)
    if account_id == work.actor.id and (body.grants is not None or body.disabled):
        raise Forbidden("不能更改本人的授权或停用本人", "Four eyes: another administrator must")
    for name in ("name", "organisation", "disabled"):
        if (value := getattr(body, name)) is not None:
            setattr(found, name, value)
    if body.password is not None:
        found.secret, found.must_change = await hashed(body.password), True
        found.failures, found.locked_until = 0, None
    if body.grants is not None:
        await repository.drop_grants(work, account_id)
        await _grant(work, found, body.grants)
    found.version += 1
    found.updated_at = work.at
    work.session.add(found)
    await _tell(work, found, body.grants or [])
    return found


async def change_password(work: Work, body: PasswordChange) -> None:
    """The caller's own password; Invalid when the old one is wrong."""
    found = await repository.system_get(work, work.actor.id, lock=True)
    if found is None or not await matches(body.old, found.secret):
        raise Invalid(
            "原口令不对", "The old password is wrong", faults=[Fault("wrong", "原口令不对", "wrong", "/old")]
        )
    found.secret, found.must_change = await hashed(body.new), False
    found.version += 1
    work.session.add(found)
    await _tell(work, found, [])


async def me(work: Work) -> Me:
    """The caller, and what they may do where."""
    account = await repository.system_get(work, work.actor.id)
    return Me(
        id=work.actor.id,
        name=work.actor.name,
        kind=work.actor.kind,
        organisation=work.actor.organisation,
        must_change=account is not None and account.must_change,
        grants=[
            GrantShown(
                role=grant.role,
                label=grant.role.label,
                region=grant.region,
                permissions={str(may): reach.value for may, reach in ROLES[grant.role].items()},
            )
            for grant in work.actor.grants
        ],
    )


async def _grant(work: Work, account: Account, grants: Sequence[GrantWrite]) -> None:
    for index, grant in enumerate(grants):
        if not any(inside(grant.region, own.region) for own in work.actor.grants):
            words = f"{grant.region} 不在您的辖区"
            raise Invalid(
                words, "Not in your regions", faults=[Fault("outside", words, "", f"/grants/{index}/region")]
            )
        work.session.add(
            Granted(
                account_id=account.id,
                role=grant.role,
                region=grant.region,
                valid_from=grant.valid_from or work.today,
                valid_to=grant.valid_to,
            )
        )
    await work.session.flush()


async def _tell(work: Work, account: Account, grants: Sequence[GrantWrite]) -> None:
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
    )
