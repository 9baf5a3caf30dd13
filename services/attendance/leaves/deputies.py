"""Who takes whose step while somebody is away."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.fields import within_a_year
from services.attendance.leaves.models import Delegation
from services.attendance.leaves.schemas import DelegationCreate, DelegationEnd
from services.attendance.policy import STEPS
from shared.access import inside
from shared.creates import create
from shared.errors import Fault, Forbidden, Invalid
from shared.http import Match
from shared.permissions import May
from shared.work import Work


async def delegate(work: Work, body: DelegationCreate) -> Delegation:
    """Let somebody else take one's own step for a time; nobody delegates a step that is not theirs."""
    within_a_year(body.starts_on, body.ends_on)
    work.actor.require(May.LEAVE_APPROVE, body.region)
    own = {STEPS.get(one.role) for one in work.actor.grants if inside(body.region, one.region)}
    if body.step not in own:
        raise Forbidden(f"您不负责{body.step.label}这一级审批", "Not your step")
    if body.deputy == work.actor.id:
        raise Invalid(
            "不能委托给自己", "Not to yourself", faults=[Fault("self", "不能委托给自己", "", "/deputy")]
        )
    made, _ = await create(
        work,
        Delegation,
        body,
        region=body.region,
        id=body.id,
        approver=work.actor.id,
        **body.model_dump(exclude={"id", "region"}),
    )
    return made


async def recall(work: Work, delegation_id: UUID, body: DelegationEnd, match: Match) -> Delegation:
    """The approver is back: the delegation ends on a day it still ran, today or later."""
    row = await records.get(work, Delegation, delegation_id, "这次委托", lock=True, may=May.LEAVE_APPROVE)
    if row.approver != work.actor.id:
        raise Forbidden("只有委托人本人可以收回委托", "Only who gave it may take it back")
    match.check(row)
    if not row.starts_on <= body.ends_on <= row.ends_on:
        detail = f"收回日期须在 {row.starts_on} 至 {row.ends_on} 之间"
        raise Invalid(
            detail, "Out of range", faults=[Fault("out_of_range", detail, "out of range", "/ends_on")]
        )
    row.ends_on = body.ends_on
    row.version, row.updated_at = row.version + 1, work.at
    work.session.add(row)
    return row
