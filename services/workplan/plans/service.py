"""Use cases of work plans: enter the document of a year, read it with its items."""

from services.workplan.plans import repository
from services.workplan.plans.events import WorkPlanEntered
from services.workplan.plans.models import PlanItem, WorkPlan
from services.workplan.plans.schemas import PlanItemRead, WorkPlanCreate, WorkPlanDetail, WorkPlanRead
from shared.auth import May
from shared.db import new_id
from shared.records import create_record
from shared.unit_of_work import UnitOfWork


async def create_plan(work: UnitOfWork, body: WorkPlanCreate) -> WorkPlan:
    """Enter a plan with all its items; the same id with the same content returns the existing plan."""
    work.actor.require(May.WORKPLAN_MANAGE, body.region)
    plan, is_new = await create_record(
        work,
        WorkPlan,
        body,
        event=lambda plan: WorkPlanEntered(
            plan_id=plan.id, year=plan.year, title=plan.title, items=len(body.items)
        ),
        region=body.region,
        id=body.id or new_id(),
        **body.model_dump(exclude={"id", "region", "items"}),
    )
    if is_new:
        work.session.add_all(
            PlanItem(id=new_id(), plan_id=plan.id, region=plan.region, **item.model_dump())
            for item in body.items
        )
        await work.session.flush()
    return plan


async def get_plan_detail(work: UnitOfWork, plan: WorkPlan) -> WorkPlanDetail:
    """A plan with its items."""
    items = [PlanItemRead.model_validate(item) for item in await repository.list_items(work, plan)]
    return WorkPlanDetail(**WorkPlanRead.model_validate(plan).model_dump(), items=items)
