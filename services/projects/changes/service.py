"""Asking for a change of what the library took in, deciding it, publishing it and making it so."""

from datetime import date
from typing import Any
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.changes import repository
from services.projects.changes.lifecycle import CHANGE, ChangeAction, ChangeFacts, ChangeState
from services.projects.changes.models import KIND, ChangeRequest
from services.projects.changes.schemas import ChangeAct, ChangeCreate, ChangeDetail, ChangeRead
from services.projects.library import repository as library
from services.projects.library import screens, writing
from services.projects.library.kinds import Document
from services.projects.library.models import Project
from services.projects.library.reads import ProjectRead
from services.projects.library.schemas import PlannedMoneyWrite, ProjectChange, TargetWrite
from services.projects.library.states import BUILDING, State
from services.projects.screening.kinds import Occasion
from shared import files
from shared.contracts.projects import ChangeMoved
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.http import Match
from shared.ids import new_id
from shared.money import yuan
from shared.moves import Preview, fire, offers
from shared.notices.schemas import Level
from shared.notices.service import Subject, missing, standing
from shared.permissions import May
from shared.work import CHINA, Work
from shared.workdays import add_workdays

CHANGEABLE = frozenset({State.RESERVE, State.PLANNED, State.SUSPENDED, *BUILDING})
FIXED = frozenset({"parent_id", "origin", "year", "leader_name", "leader_phone", "remark"})
"""Fields that no change request touches: free ones are edited, the others stay."""


async def ask(work: Work, project_id: UUID, body: ChangeCreate) -> ChangeRequest:
    """A change is asked for; Conflict while another is open, Invalid when it would contradict the rest."""
    project = await library.get(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region)
    if body.id is None or await work.session.get(ChangeRequest, body.id) is None:
        await _may_ask(work, project, body)
    when = body.happened_at or work.at
    if when > work.at:
        raise Invalid("提出时间不能晚于现在", "happened_at lies in the future")
    ids = [str(one) for one in body.file_ids]
    await files.require(work, ids, "/file_ids")
    request_id = body.id or new_id()
    request, fresh = await create(
        work,
        ChangeRequest,
        body,
        region=project.region,
        id=request_id,
        subject=str(request_id),
        project_id=project.id,
        project_name=project.name,
        reason=body.reason,
        wanted=body.wanted.model_dump(mode="json", exclude_unset=True),
        before=await _shown(work, project, set(body.wanted.given())),
        file_ids=ids,
        state=ChangeState.SUBMITTED,
        state_since=when,
    )
    if fresh:
        event = ChangeMoved(change_id=request.id, project_id=project.id, was="", now=request.state)
        await work.tell(event, request, reason=body.reason, happened_at=when)
    return request


async def _may_ask(work: Work, project: Project, body: ChangeCreate) -> None:
    if project.state not in CHANGEABLE:
        raise Conflict(f"项目{project.state.label}, 不能申请变更", f"The project is {project.state}")
    if await repository.is_open(work, project.id):
        raise Conflict("项目已有未办结的变更申请", "Another change request is open")
    given = body.wanted.given()
    faults = [
        Fault("not_by_request", "不通过变更申请修改", "not by a change request", f"/wanted/{name}")
        for name in sorted(set(given) & FIXED)
    ]
    if not given:
        faults.append(Fault("nothing", "没有写明变更内容", "nothing changes", "/wanted"))
    if given.get("total", project.total) < project.allocated:
        detail = f"变更后总投资低于已下达资金 {yuan(project.allocated)} 元"
        faults.append(Fault("below_allocated", detail, "below what was allocated", "/wanted/total"))
    if faults:
        raise Invalid("变更内容有误", "The change is not valid", faults=faults)
    await writing.agree(work, project, writing.listed(body.wanted), under="/wanted")


async def _shown(work: Work, project: Project, names: set[str]) -> dict[str, Any]:
    whole: dict[str, Any] = ProjectRead.model_validate(project).model_dump(mode="json")
    whole["money"] = [
        PlannedMoneyWrite.model_validate(one).model_dump(mode="json")
        for one in await library.money(work, project.id)
    ]
    whole["targets"] = [
        TargetWrite.model_validate(one).model_dump(mode="json")
        for one in await library.targets(work, project.id)
    ]
    whole["places"] = [
        {"region": one.region, "address": one.address, "lon": one.lon, "lat": one.lat}
        for one in await library.places(work, project.id)
    ]
    return {name: whole[name] for name in sorted(names)}


async def detail(work: Work, change_id: UUID) -> ChangeDetail:
    """The request and what the caller could do with it."""
    request = await repository.get(work, change_id)
    project = await library.get(work, request.project_id)
    facts = await _facts(work, request, project, ChangeAct(), work.today)
    return ChangeDetail(
        **ChangeRead.model_validate(request).model_dump(),
        available_actions=offers(work, CHANGE, request, facts),
    )


async def subject(work: Work, record_id: UUID, /, *, lock: bool) -> Subject:
    """The request as its notice shows it."""
    request = await repository.get(work, record_id, lock=lock)
    levels = frozenset({Level.CHANGE}) if request.state is ChangeState.APPROVED else frozenset()
    content = {
        "name": request.project_name,
        "reason": request.reason,
        "before": request.before,
        "after": {name: request.wanted[name] for name in request.before},
        "decision": f"{request.decision_no} {request.decision_on or ''}".strip(),
    }
    title = f"{request.project_name}变更"
    return Subject(KIND, str(request.id), request.region, request.version, title, content, levels)


async def _facts(
    work: Work, request: ChangeRequest, project: Project, act: ChangeAct, on: date
) -> ChangeFacts:
    stand = await standing(work, KIND, str(request.id), on)
    kinds = (await attachments.kinds(work, [project.id]))[project.id]
    found = await screens.judge(work, project, _wanted(request).given(), minutes=Document.MINUTES in kinds)
    return ChangeFacts(
        decision_no=act.decision_no,
        decision_on=act.decision_on,
        on=on,
        reason=act.reason,
        notice=missing(stand, Level.CHANGE),
        findings=await screens.faults(work, project, found, blocks_only=True),
    )


def _wanted(request: ChangeRequest) -> ProjectChange:
    return ProjectChange.model_validate(request.wanted)


async def act(
    work: Work, change_id: UUID, action: ChangeAction, body: ChangeAct, *, match: Match, dry_run: bool
) -> Preview | ChangeRequest:
    """Take a request one step; applying it writes the project in the same transaction."""
    request = await repository.get(work, change_id)
    project = await library.get(work, request.project_id, lock=True)
    request = await repository.get(work, change_id, lock=True)
    on = (body.happened_at or work.at).astimezone(CHINA).date()
    facts = await _facts(work, request, project, body, on)
    preview = await fire(
        work,
        CHANGE,
        request,
        action,
        facts,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: ChangeMoved(
            change_id=request.id, project_id=request.project_id, was=was, now=now
        ),
    )
    if preview is not None:
        return preview
    if action is ChangeAction.APPROVE:
        rule = await work.rule("change.republish_workdays", on=on, region=request.region)
        request.decision_no, request.decision_on = body.decision_no, body.decision_on
        request.approved_by, request.approved_on = work.actor.id, on
        request.republish_by = add_workdays(on, int(rule.value))
    elif action is ChangeAction.APPLY:
        request.applied_on = on
        wanted = writing.listed(_wanted(request))
        await writing.apply(work, project, wanted, reason=request.reason, happened_at=body.happened_at)
        await screens.keep(work, project, await screens.ask(work, project), Occasion.CHANGE)
    work.session.add(request)
    return request
