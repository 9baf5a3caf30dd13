"""Taking a project one step along its life: others are asked first, then everything happens or nothing."""

from datetime import date, datetime, time
from uuid import UUID

from services.projects.library import effects, repository, screens
from services.projects.library.facts import Told, gather
from services.projects.library.lifecycle import PROJECT
from services.projects.library.models import Project
from services.projects.library.schemas import ProjectAct
from services.projects.library.states import STAGES, Action, State
from services.projects.screening.kinds import Occasion
from shared.contracts.assets import AssetsClient
from shared.contracts.funds import FundsClient
from shared.contracts.projects import BuiltThing, ProjectAccepted, ProjectMoved
from shared.http import Match
from shared.moves import Preview, fire
from shared.work import CHINA, Work

OCCASIONS = {
    Action.DECLARE: Occasion.DECLARE,
    Action.ADMIT: Occasion.ADMIT,
    Action.PLAN: Occasion.PLAN,
}
"""Moves before which the project is screened by the rules of the day, and what that is called."""


NO_TOWN = "县级项目没有所属乡镇, 不经乡镇审核; 镇、村公示已同时进行"


async def act(
    work: Work, project_id: UUID, action: Action, body: ProjectAct, *, match: Match, dry_run: bool
) -> Preview | Project:
    """Take one step, or say what it would be. NotReady names everything that is missing."""
    registered, unpaid = await _ask(work, project_id, action)
    project = await repository.get(work, project_id, lock=True)
    return await step(
        work, project, action, body, told=Told(registered, unpaid), match=match, dry_run=dry_run
    )


async def _ask(work: Work, project_id: UUID, action: Action) -> tuple[int | None, int | None]:
    """What assets and funds say, asked before anything is locked; Unavailable when they do not answer."""
    if action is Action.HAND_OVER:
        coverage = await AssetsClient(work.peer("assets")).coverage(project_id)
        return coverage.registered_value, None
    if action is Action.CLOSE:
        funds = await FundsClient(work.peer("funds")).project(project_id)
        return None, funds.unpaid + funds.applied
    return None, None


async def step(
    work: Work,
    project: Project,
    action: Action,
    body: ProjectAct,
    *,
    told: Told | None = None,
    match: Match | None = None,
    dry_run: bool = False,
) -> Preview | Project:
    """The same for a project that is locked already."""
    row = PROJECT.move(project.state, action)
    work.actor.require(row.may, project.region)
    told = told or Told()
    if action is Action.SUBMIT and not body.reason.strip():
        body = body.model_copy(update={"reason": NO_TOWN})
    on = (body.happened_at or work.at).astimezone(CHINA).date()
    if action in OCCASIONS:
        found = await screens.ask(work, project)
        told = Told(told.registered, told.unpaid, found)
    facts = await gather(work, project, body, on=on, told=told)
    if not dry_run:
        if told.screening is not None:
            await screens.keep(work, project, told.screening, OCCASIONS[action])
        await effects.apply(work, project, action, body, on)
    preview = await fire(
        work,
        PROJECT,
        project,
        action,
        facts,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: moved(project, was, now),
    )
    if preview is not None:
        return preview
    if action is Action.ACCEPT:
        await _accepted(work, project, body)
    return project


def moved(project: Project, was: State, now: State) -> ProjectMoved:
    """The event of a move, with what others keep of a project."""
    return ProjectMoved(
        project_id=project.id,
        was=was,
        now=now,
        stage=STAGES[now],
        name=project.name,
        code=project.library_code or "",
        category=project.category,
        industry=project.counts_as_industry,
        blocked=project.blocked,
        physical_percent=project.physical_percent,
    )


async def _accepted(work: Work, project: Project, body: ProjectAct) -> None:
    accepted_on = project.accepted_on or work.today
    event = ProjectAccepted(
        project_id=project.id,
        name=project.name,
        code=project.library_code or "",
        category=project.category,
        place=project.place,
        lon=project.lon,
        lat=project.lat,
        settled=project.settled,
        completed_on=project.completed_on or accepted_on,
        accepted_on=accepted_on,
        unit=project.implementing_unit,
        household=project.household,
        built=tuple(BuiltThing.model_validate(one) for one in project.built),
    )
    await work.tell(event, project, happened_at=body.happened_at)


async def plan_for_money(work: Work, project: Project, issued_on: date) -> None:
    """Money came for a project in reserve: take it into the year's plan, unless something stands against it."""
    if project.state is not State.RESERVE:
        return
    body = ProjectAct(plan_year=issued_on.year, reason="资金已下达")
    body.happened_at = max(project.state_since, min(work.at, _noon(issued_on)))
    would = await step(work, project, Action.PLAN, body, dry_run=True)
    if isinstance(would, Preview) and would.allowed:
        await step(work, project, Action.PLAN, body)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), CHINA)
