"""What a move writes into the project beside its new state."""

from datetime import date
from typing import Any

from services.projects.library import repository
from services.projects.library.models import Project
from services.projects.library.public import KIND
from services.projects.library.schemas import ProjectAct
from services.projects.library.states import Action
from shared import search
from shared.contracts.projects import BuiltThing
from shared.money import yuan
from shared.notices import repository as notices
from shared.notices import service as notice_service
from shared.notices.schemas import Level
from shared.work import Work

COUNTY = 6
ADMISSION = frozenset({Level.VILLAGE, Level.TOWN, Level.DISTRICT})
SIGNED = {
    Action.DECLARE: "declared_by",
    Action.ENDORSE: "endorsed_by",
    Action.APPRAISE: "appraised_by",
    Action.APPROVE: "approved_by",
    Action.COMPLETE: "completed_by",
}
"""Who made a move is kept for those that four eyes look at."""
DATED = {
    Action.DECLARE: "declared_on",
    Action.ADMIT: "admitted_on",
    Action.START: "started_on",
    Action.COMPLETE: "completed_on",
    Action.ACCEPT: "accepted_on",
    Action.HAND_OVER: "handed_over_on",
    Action.CLOSE: "closed_on",
}


async def apply(work: Work, project: Project, action: Action, act: ProjectAct, on: date) -> None:
    """Write them, before the move is told; a move that is then refused leaves none of it."""
    if action in SIGNED:
        setattr(project, SIGNED[action], work.actor.id)
    if action in DATED:
        setattr(project, DATED[action], on)
    await _opinion(work, project, action, act, on)
    if action is Action.ADMIT:
        await _code(work, project, on)
    elif action in {Action.RETURN, Action.RECALL}:
        await _notices_down(work, project)
    else:
        _fields(project, action, act)
    work.session.add(project)


def _fields(project: Project, action: Action, act: ProjectAct) -> None:
    match action:
        case Action.APPROVE:
            project.decision_no, project.decision_on = act.decision_no, act.decision_on
        case Action.PLAN:
            project.plan_year = act.plan_year or project.plan_year or project.year
        case Action.START:
            project.procurement = act.procurement or project.procurement
            project.heard_on = project.started_on
        case Action.ACCEPT:
            project.settled = act.settled or 0
            project.built = [one.model_dump(mode="json") for one in act.built or (whole(project),)]
        case Action.HAND_OVER:
            project.uncovered_reason = act.reason
        case _:
            pass


def whole(project: Project) -> BuiltThing:
    """What was built when the acceptance report lists nothing: one thing worth all that was settled."""
    kind = "operating" if project.category.split(".")[0] == "1" else "public"
    if project.household:
        kind = "household"
    said = {"name": project.name, "asset_class": kind, "quantity": "1", "unit": "项"}
    return BuiltThing.model_validate({**said, "value": yuan(project.settled)})


async def _opinion(work: Work, project: Project, action: Action, act: ProjectAct, on: date) -> None:
    if not (act.opinion or act.statements or action in {Action.RETURN, Action.RECALL, Action.SUBMIT}):
        return
    rule = await work.rule("admission.statements", region=project.region)
    said: dict[str, Any] = {
        "action": action.value,
        "opinion": act.opinion or act.reason,
        "statements": list(act.statements),
        "by": work.actor.id,
        "on": on.isoformat(),
        "recorded_at": work.at.isoformat(),
        "rule": rule.ref,
    }
    project.opinions = [*project.opinions, said]


async def _code(work: Work, project: Project, on: date) -> None:
    if project.library_code is not None:
        return
    district = project.region[:COUNTY]
    number = await repository.next_number(work, district, on.year)
    project.library_code = f"{district}-{on.year}-{number:05d}"
    words = (project.name, project.place, project.implementing_unit, project.library_code, project.content)
    await search.index(work.session, "project", project.id, *words)


async def _notices_down(work: Work, project: Project) -> None:
    """What was returned will be another text when it comes back, and is to be published anew."""
    for row in await notices.of_subject(work, KIND, str(project.id)):
        if row.withdrawn_at is None and row.level in ADMISSION:
            await notice_service.withdraw(work, row, "项目退回修改, 重新申报后另行公示")
