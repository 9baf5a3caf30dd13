"""What helps a household: its measures, loans and jobs, with what projects, attendance and assets know of it."""

from collections.abc import Awaitable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from services.households.help.schemas import (
    HelpMeasureRead,
    HelpSummary,
    HouseholdAsset,
    HouseholdHelp,
    HouseholdVisit,
    JobSums,
    LoanSums,
)
from services.households.households import repository as households
from services.households.jobs import repository as jobs
from services.households.jobs.models import HelpJob
from services.households.jobs.schemas import JobRead
from services.households.loans import repository as loans
from services.households.loans.models import SmallLoan
from services.households.loans.schemas import LoanRead
from services.households.measures import repository as measures
from services.households.measures.models import HelpMeasure
from services.households.measures.schemas import MeasureRead
from services.households.personal import mark_visited, unseal
from shared.auth import May
from shared.clients.projects import ProjectsClient
from shared.errors import Unavailable
from shared.unit_of_work import UnitOfWork

MAX_VISITS, MAX_ASSETS = 100, 200


async def _ask(missing: list[str], service: str, answer: Awaitable[Any]) -> Any:  # noqa: ANN401 - any answer
    """The answer of another service; None, and its name in `missing`, when it is down."""
    try:
        return await answer
    except Unavailable:
        missing.append(service)
        return None


async def get_help(work: UnitOfWork, household_id: UUID) -> HouseholdHelp:
    """Everything that helps a household that the caller may read; a service that is down is named in `missing`."""
    household = await households.get_household(work, household_id)
    names = [unseal(work, member, "name") for member in await households.list_members(work, household)]
    own = await measures.list_of_household(work, household.id)
    lent = await households.list_of_members(work, household, SmallLoan, "lent_on")
    held = await households.list_of_members(work, household, HelpJob, "starts_on")
    missing: list[str] = []
    project_names = await _find_projects(work, missing, own)
    visits = await _list_visits(work, missing, household.region, names)
    assets = await _list_assets(work, missing, household.region)
    asset_ids = {str(one.asset_id) for one in own if one.asset_id}
    return HouseholdHelp.model_construct(
        household_id=household.id,
        measures=[
            HelpMeasureRead.model_construct(
                **MeasureRead.model_validate(one).model_dump(),
                project_name=project_names.get(one.project_id, ""),
            )
            for one in own
        ],
        loans=[LoanRead.model_validate(one) for one in lent],
        jobs=[JobRead.model_validate(one) for one in held],
        visits=[HouseholdVisit.model_validate(one) for one in visits or ()],
        assets=[
            HouseholdAsset.model_validate(one)
            for one in assets
            if one["id"] in asset_ids or one["owner_name"] in names
        ],
        missing=missing,
        withheld=["attendance"] if visits is None else [],
    )


async def _find_projects(
    work: UnitOfWork, missing: list[str], own: list[HelpMeasure]
) -> dict[UUID | None, str]:
    ids = {one.project_id for one in own if one.project_id}
    if not ids:
        return {}
    client = ProjectsClient(work.service_client("projects"))
    found = await _ask(missing, "projects", client.get_projects(ids)) or {}
    return {project_id: project.name for project_id, project in found.items()}


async def _list_visits(
    work: UnitOfWork, missing: list[str], region: str, names: list[str]
) -> list[dict[str, Any]] | None:
    """The visits to a household of these names that the caller may read; a cadre reads their own. None when no visit is for the caller."""
    query: dict[str, Any] = {
        "region": region,
        "household_mark": [mark_visited(work, region, name) for name in names],
        "limit": MAX_VISITS,
    }
    if not work.actor.has_access(May.PRESENCE_READ, region):
        if not work.actor.has_access(May.PRESENCE_READ, region, work.actor.id):
            return None
        query["person"] = work.actor.id
    client = work.service_client("attendance")
    page = await _ask(missing, "attendance", client.get("/api/v1/attendance/visits", params=query))
    return list(page["items"]) if page else []


async def _list_assets(work: UnitOfWork, missing: list[str], region: str) -> list[dict[str, Any]]:
    """The assets of the household class in the village; who owns them is compared here, so that no name leaves."""
    query: dict[str, Any] = {"region": region, "asset_class": "household", "limit": MAX_ASSETS}
    client, found = work.service_client("assets"), []
    while True:
        page = await _ask(missing, "assets", client.get("/api/v1/assets", params=query)) or {"items": []}
        found += page["items"]
        if not page.get("next_cursor"):
            return found
        query["cursor"] = page["next_cursor"]


async def get_summary(work: UnitOfWork, region: str) -> HelpSummary:
    """Sums of loans and jobs of a region; nobody is named."""
    lent = await loans.sum_loans(work, region)
    share = Decimal(lent.overdue_balance * 100) / lent.balance if lent.balance else Decimal(0)
    return HelpSummary.model_construct(
        region=region,
        loans=LoanSums.model_construct(
            **lent._asdict(), overdue_percent=str(share.quantize(Decimal("0.01"), ROUND_HALF_UP))
        ),
        jobs=[JobSums.model_construct(**row._asdict()) for row in await jobs.sum_jobs(work, region)],
    )
