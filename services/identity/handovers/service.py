"""Hand the grants of an account over; the other services move what is open there when the event reaches them."""

from datetime import date, timedelta

from services.identity.accounts import repository as accounts
from services.identity.accounts import service as account_service
from services.identity.accounts.models import Account, RoleGrant
from services.identity.accounts.schemas import GrantWrite
from services.identity.handovers.models import Handover
from services.identity.handovers.schemas import HandoverCreate
from services.identity.sessions import repository as sessions
from shared.auth import May
from shared.clients.identity import AccountHandedOver
from shared.errors import FieldError, Forbidden, Invalid
from shared.records import create_record
from shared.unit_of_work import UnitOfWork

ONE_DAY = timedelta(days=1)


async def create_handover(work: UnitOfWork, body: HandoverCreate) -> Handover:
    """Hand an account's work over from a day on. Raises Forbidden for the caller's own account, Invalid for a past day.

    A repeated request with the same id changes nothing more.
    """
    if body.id is not None and (earlier := await work.session.get(Handover, body.id)) is not None:
        work.actor.require(May.ACCOUNT_MANAGE, earlier.region)
        found, _ = await create_record(work, Handover, body, region=earlier.region, id=body.id)
        return found
    starts_on = body.starts_on or work.today
    if starts_on < work.today:
        detail = "接手日期不能早于今天; 以前的事项由当时的人负责"
        raise Invalid(detail, "In the past", errors=[FieldError("past", detail, "past", "/starts_on")])
    account, successor = [
        await accounts.get_account(work, one, account_service.USER_KIND, lock=True)
        for one in (body.account, body.successor)
    ]
    if work.actor.is_same_person(account.id, successor.id):
        raise Forbidden("不能移交本人的工作或接手人是本人, 请由另一名管理员办理", "Four eyes")
    if successor.disabled:
        detail = f"{successor.name}的账号已停用"
        raise Invalid(detail, "Disabled", errors=[FieldError("disabled", detail, "", "/successor")])
    for one in (account, successor):
        work.actor.require(May.ACCOUNT_MANAGE, one.region)
        await account_service.require_reach_over(work, one)
    moved = await _move_grants(work, account, successor, starts_on)
    handover, _ = await create_record(
        work,
        Handover,
        body,
        event=lambda handover: AccountHandedOver(
            account=account.id,
            successor=successor.id,
            successor_name=successor.name,
            starts_on=handover.starts_on,
            reason=handover.reason,
        ),
        event_reason=body.reason,
        region=account.region,
        id=body.id,
        account_id=account.id,
        account_name=account.name,
        successor_id=successor.id,
        successor_name=successor.name,
        starts_on=starts_on,
        reason=body.reason,
        moved=[grant.model_dump(mode="json") for grant in moved],
    )
    for one in (account, successor):
        await sessions.system_renew_tokens(work, one.id)
        await account_service.save_account(work, one)
    return handover


async def _move_grants(
    work: UnitOfWork, account: Account, successor: Account, starts_on: date
) -> list[GrantWrite]:
    """End the grants of an account the day before, and give the successor those that they do not hold."""
    grants = await accounts.system_list_grants(work, [account.id, successor.id])
    open_grants = [
        grant for grant in grants[account.id] if grant.valid_to is None or grant.valid_to >= starts_on
    ]
    held = {(grant.role, grant.region) for grant in grants[successor.id] if grant.valid_to is None}
    moved = [
        GrantWrite(
            role=grant.role,
            region=grant.region,
            valid_from=max(starts_on, grant.valid_from),
            valid_to=grant.valid_to,
        )
        for grant in open_grants
        if (grant.role, grant.region) not in held
    ]
    for grant in open_grants:
        await _end_grant(work, grant, starts_on)
    await work.session.flush()
    await account_service.assign_roles(work, successor, moved)
    return moved


async def _end_grant(work: UnitOfWork, grant: RoleGrant, starts_on: date) -> None:
    if grant.valid_from >= starts_on:
        await work.session.delete(grant)
        return
    grant.valid_to = starts_on - ONE_DAY
    work.session.add(grant)
