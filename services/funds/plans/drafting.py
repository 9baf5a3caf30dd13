"""Writing a plan: what the library knows is not asked again, and lines change only while it is a draft."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.funds.allocations import repository as allocations
from services.funds.commitments import library
from services.funds.commitments import service as commitments
from services.funds.commitments.project import LibraryProject
from services.funds.plans import repository
from services.funds.plans.kinds import PlanKind
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan, PlanLine
from services.funds.plans.schemas import LineWrite, PlanChange, PlanCreate
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from shared.access import inside
from shared.contracts.funds import PlanDrafted
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.permissions import May
from shared.work import Work

EDITABLE = frozenset({PlanState.DRAFT, PlanState.RETURNED})
FEE_CATEGORY = "7"
"""项目管理费 in the category tree."""


async def draft(work: Work, body: PlanCreate) -> Plan:
    """A new plan with its lines. Unavailable when the project library does not answer, Invalid for a wrong line."""
    work.actor.require(May.PLAN_DRAFT, body.region)
    views = await library.views(work.peer("projects"), [line.project_id for line in body.lines])
    when = body.happened_at or work.at
    if when > work.at:
        raise Invalid("编制时间不能晚于现在", "happened_at lies in the future")
    columns = body.model_dump(exclude={"id", "region", "lines", "happened_at"})
    plan, fresh = await create(
        work, Plan, body, region=body.region, id=body.id, state=PlanState.DRAFT, state_since=when, **columns
    )
    if fresh:
        if plan.amends is not None:
            await repository.get(work, plan.amends)
        await _put_lines(work, plan, body.lines, views)
        await _tell(work, plan, body.lines)
    return plan


async def rewrite(work: Work, plan_id: UUID, wanted: Sequence[LineWrite], match: Match) -> Plan:
    """Replace every line of a draft."""
    views = await library.views(work.peer("projects"), [line.project_id for line in wanted])
    plan = await _editable(work, plan_id, match)
    await _put_lines(work, plan, wanted, views)
    _touch(work, plan)
    await _tell(work, plan, wanted)
    return plan


async def change(work: Work, plan_id: UUID, body: PlanChange, match: Match) -> Plan:
    """Change the words of a draft."""
    plan = await _editable(work, plan_id, match)
    for name, value in body.model_dump(exclude_unset=True).items():
        if value is not None or name == "announced_total":
            setattr(plan, name, value)
    _touch(work, plan)
    lines = await repository.lines(work, plan.id)
    await work.tell(
        PlanDrafted(
            plan_id=plan.id, title=plan.title, lines=len(lines), total=sum(line.amount for line in lines)
        ),
        plan,
    )
    return plan


async def _editable(work: Work, plan_id: UUID, match: Match) -> Plan:
    plan = await repository.get(work, plan_id, lock=True)
    work.actor.require(May.PLAN_DRAFT, plan.region)
    match.require(plan)
    if plan.state not in EDITABLE:
        raise Conflict(
            f"方案{plan.state.label}, 不能再修改",
            f"The plan is {plan.state}",
            next_step="下达后的变化请编制调整方案",
        )
    return plan


def _touch(work: Work, plan: Plan) -> None:
    plan.version += 1
    plan.updated_at = work.at
    work.session.add(plan)


async def _tell(work: Work, plan: Plan, lines: Sequence[LineWrite]) -> None:
    total = sum(line.amount for line in lines)
    await work.tell(PlanDrafted(plan_id=plan.id, title=plan.title, lines=len(lines), total=total), plan)


async def _put_lines(
    work: Work, plan: Plan, wanted: Sequence[LineWrite], views: Mapping[UUID, LibraryProject]
) -> None:
    known = await sources.many(work, [line.source_id for line in wanted])
    faults = [
        fault
        for index, line in enumerate(wanted)
        for fault in _faults(
            work, plan, line, known.get(line.source_id), views.get(line.project_id), f"/lines/{index}"
        )
    ]
    faults += await _recalls(work, wanted)
    if faults:
        raise Invalid("方案明细填写有误", "Some lines are not valid", faults=faults)
    await commitments.remember(work, views.values())
    rows = [_row(plan, position, line, views.get(line.project_id)) for position, line in enumerate(wanted, 1)]
    await repository.replace_lines(work, plan.id, rows)


def _faults(
    work: Work, plan: Plan, line: LineWrite, source: Source | None, view: LibraryProject | None, at: str
) -> list[Fault]:
    found = []
    if source is None or not work.actor.sees(May.FUND_READ, source.region):
        found.append(Fault("no_source", "没有这份资金来源", "no such source", f"{at}/source_id"))
    elif not inside(plan.region, source.region):
        found.append(
            Fault("other_source", "这份资金来源不属于本地区", "another region's source", f"{at}/source_id")
        )
    elif source.fiscal_year > plan.year:
        found.append(
            Fault("later_source", "指标年度晚于方案年度", "the source is of a later year", f"{at}/source_id")
        )
    if view is None:
        found.append(Fault("no_project", "项目库中没有这个项目", "no such project", f"{at}/project_id"))
    elif not inside(view.region, plan.region):
        found.append(
            Fault("other_region", "项目不在方案的地区内", "not in the plan's region", f"{at}/project_id")
        )
    if line.amount == 0:
        found.append(Fault("zero", "金额不能为零", "the amount is zero", f"{at}/amount"))
    if line.amount < 0 and (plan.kind is not PlanKind.AMENDMENT or line.allocation_id is None):
        found.append(
            Fault(
                "not_amending",
                "只有调整方案能收回, 并须指明资金安排",
                "only an amendment recalls",
                f"{at}/amount",
            )
        )
    return found


async def _recalls(work: Work, wanted: Sequence[LineWrite]) -> list[Fault]:
    found = []
    for index, line in enumerate(wanted):
        if line.amount < 0 and line.allocation_id is not None:
            allocation = await allocations.get(work, line.allocation_id)
            if (allocation.project_id, allocation.source_id) != (line.project_id, line.source_id):
                found.append(
                    Fault(
                        "other_allocation",
                        "项目或来源与该笔资金安排不符",
                        "does not match the allocation",
                        f"/lines/{index}/allocation_id",
                    )
                )
    return found


def _row(plan: Plan, position: int, line: LineWrite, view: LibraryProject | None) -> PlanLine:
    said = line.model_dump(exclude={"id"})
    if view is not None:
        said["name"] = line.name or view.name
        said["place"] = line.place or view.place
        said["content"] = line.content or view.content
        said["project_type"] = line.project_type or view.category_label
        said["unit"] = line.unit or view.unit
        said["project_region"] = view.region
    fee = (view.category if view else "").startswith(FEE_CATEGORY)
    said["management_fee"] = fee if line.management_fee is None else line.management_fee
    said["industry"] = bool(view and view.industry) if line.industry is None else line.industry
    return PlanLine(id=line.id or new_id(), plan_id=plan.id, position=position, **said)
