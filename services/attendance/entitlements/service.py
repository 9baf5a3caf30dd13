"""Balances of leave: a person's entitlement or the rule's quota of the year, less what was granted and asked for."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.entitlements import repository
from services.attendance.entitlements.models import LeaveEntitlement
from services.attendance.entitlements.schemas import (
    EntitlementChange,
    EntitlementCreate,
    LeaveBalance,
    LeaveBalances,
)
from services.attendance.leaves import repository as leaves
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.schemas import LeaveCreate
from services.attendance.policy import PRESENCE_RULES, LeaveKind, PresenceRules
from services.attendance.posts.service import get_person_region
from shared.auth import May
from shared.clients.attendance import EntitlementChanged
from shared.errors import Conflict, NotFound
from shared.http import VersionMatch
from shared.records import create_record, save_record
from shared.unit_of_work import UnitOfWork


async def create_entitlement(work: UnitOfWork, body: EntitlementCreate) -> LeaveEntitlement:
    """Registers what a person may take of one kind in a year. Raises Conflict if it is registered."""
    region = await get_person_region(work, body.person, work.today)
    work.actor.require(May.TEAM_MANAGE, region)
    known = (await repository.list_entitlements(work, body.person, body.year)).get(body.kind)
    if known is not None and known.id != body.id:
        raise Conflict(f"已登记 {known.days} 天, 请更正原记录", "Registered already")
    columns = body.model_dump(exclude={"id"})
    entitlement, _ = await create_record(
        work, LeaveEntitlement, body, event=_build_event, region=region, id=body.id, **columns
    )
    return entitlement


async def update_entitlement(
    work: UnitOfWork, entitlement_id: UUID, body: EntitlementChange, match: VersionMatch
) -> LeaveEntitlement:
    """Corrects an entitlement; leaves that were granted stay."""
    entitlement = await records.get_record(work, LeaveEntitlement, entitlement_id, "这条假期天数", lock=True)
    work.actor.require(May.TEAM_MANAGE, entitlement.region)
    match.require_version(entitlement)
    changes = body.model_dump(exclude_unset=True)
    before = {name: getattr(entitlement, name) for name in changes}
    for name, value in changes.items():
        setattr(entitlement, name, value)
    await save_record(work, entitlement, _build_event(entitlement), before=before)
    return entitlement


async def get_balances(work: UnitOfWork, person: str, year: int) -> LeaveBalances:
    """Returns the balances of a person that the caller sees. Raises NotFound for another's without access."""
    region = work.home_region
    if person != work.actor.id:
        region = await get_person_region(work, person, work.today)
    if not work.actor.has_access(May.PRESENCE_READ, region, person):
        raise NotFound("没有这个人的请假记录", "No such person")
    rules = (await work.get_rule(PRESENCE_RULES, region=region)).value
    entitlements = await repository.list_entitlements(work, person, year)
    halves = await leaves.list_halves_by_kind(work, person, year)
    quotas = {quota.kind: quota.days for quota in rules.leave_quotas}
    items = []
    for kind in LeaveKind:
        if kind not in {*entitlements, *halves, *quotas}:
            continue
        own, by_state = entitlements.get(kind), halves.get(kind, {})
        entitled = own.days if own else quotas.get(kind)
        pending = by_state.get(LeaveState.REQUESTED, 0) / 2
        taken = sum(by_state.values()) / 2 - pending
        items.append(
            LeaveBalance(
                kind=kind,
                label=kind.label,
                entitled=entitled,
                basis=own.basis if own else "考勤规则" if entitled is not None else "",
                taken=taken,
                pending=pending,
                left=None if entitled is None else entitled - taken - pending,
            )
        )
    return LeaveBalances(person=person, year=year, items=items)


async def require_balance(work: UnitOfWork, body: LeaveCreate, rules: PresenceRules, halves: int) -> None:
    """Raises Conflict if the leave is longer than what is left of its kind in the year in which it starts."""
    year = body.starts_on.year
    own = (await repository.list_entitlements(work, work.actor.id, year)).get(body.kind)
    quota = next((quota.days for quota in rules.leave_quotas if quota.kind is body.kind), None)
    entitled = own.days if own else quota
    if entitled is None:
        return
    used = sum((await leaves.list_halves_by_kind(work, work.actor.id, year)).get(body.kind, {}).values())
    if used + halves > 2 * entitled:
        raise Conflict(
            f"{year} 年{body.kind.label}共 {entitled} 天, 已请 {used / 2:g} 天, 还可请 {entitled - used / 2:g} 天, 申请 {halves / 2:g} 天",
            "More than is left",
        )


def _build_event(entitlement: LeaveEntitlement) -> EntitlementChanged:
    return EntitlementChanged(
        person=entitlement.person, year=entitlement.year, kind=entitlement.kind, days=entitlement.days
    )
