"""Create change requests, decide and apply them, build their notice content."""

from datetime import date
from typing import Any
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.attachments.schemas import DocumentKind
from services.projects.changes import repository
from services.projects.changes.lifecycle import CHANGE_LIFECYCLE, ChangeAction, ChangeFacts, ChangeState
from services.projects.changes.models import NOTICE_SUBJECT_KIND, ChangeRequest
from services.projects.changes.schemas import ChangeCreate, ChangeDetail, ChangeRead, ChangeTransitionRequest
from services.projects.projects import repository as library
from services.projects.projects import service
from services.projects.projects.lifecycle import CONSTRUCTION_STATES, State
from services.projects.projects.models import Project
from services.projects.projects.schemas import PlannedMoneyWrite, ProjectChange, ProjectRead, TargetWrite
from services.projects.screening import service as screening
from services.projects.screening.schemas import ScreeningOccasion
from shared.auth import May
from shared.china import add_workdays, format_yuan
from shared.clients.projects import ChangeMoved
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeSubject, first_blocking_notice, get_notice_status
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

CHANGEABLE_STATES = frozenset({State.RESERVE, State.PLANNED, State.SUSPENDED, *CONSTRUCTION_STATES})
FIXED_FIELDS = frozenset({"parent_id", "origin", "year", "leader_name", "leader_phone", "remark"})
"""Fields that no change request touches: free ones are edited, the others stay."""


async def create_change(work: UnitOfWork, project_id: UUID, body: ChangeCreate) -> ChangeRequest:
    """A change is asked for; Conflict while another is open, Invalid when it would contradict the rest."""
    project = await library.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region)
    if body.id is None or await work.session.get(ChangeRequest, body.id) is None:
        await _require_changeable(work, project, body)
    when = body.happened_at or work.at
    if when > work.at:
        raise Invalid("提出时间不能晚于现在", "happened_at lies in the future")
    ids = [str(one) for one in body.file_ids]
    await uploads.require_files(work, ids, "/file_ids")
    request_id = body.id or new_id()
    request, fresh = await create_record(
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
        before=await _load_shown_values(work, project, set(body.wanted.get_sent_fields())),
        file_ids=ids,
        state=ChangeState.SUBMITTED,
        state_since=when,
    )
    if fresh:
        event = ChangeMoved(change_id=request.id, project_id=project.id, was="", now=request.state)
        await work.publish(event, request, reason=body.reason, happened_at=when)
    return request


async def _require_changeable(work: UnitOfWork, project: Project, body: ChangeCreate) -> None:
    if project.state not in CHANGEABLE_STATES:
        raise Conflict(f"项目{project.state.label}, 不能申请变更", f"The project is {project.state}")
    if await repository.has_open_change(work, project.id):
        raise Conflict("项目已有未办结的变更申请", "Another change request is open")
    given = body.wanted.get_sent_fields()
    faults = [
        FieldError("not_by_request", "不通过变更申请修改", "not by a change request", f"/wanted/{name}")
        for name in sorted(set(given) & FIXED_FIELDS)
    ]
    if not given:
        faults.append(FieldError("nothing", "没有写明变更内容", "nothing changes", "/wanted"))
    if given.get("total", project.total) < project.allocated:
        detail = f"变更后总投资低于已下达资金 {format_yuan(project.allocated)} 元"
        faults.append(FieldError("below_allocated", detail, "below what was allocated", "/wanted/total"))
    if faults:
        raise Invalid("变更内容有误", "The change is not valid", errors=faults)
    await service.validate_changes(work, project, service.extract_changes(body.wanted), under="/wanted")


async def _load_shown_values(work: UnitOfWork, project: Project, names: set[str]) -> dict[str, Any]:
    whole: dict[str, Any] = ProjectRead.model_validate(project).model_dump(mode="json")
    whole["money"] = [
        PlannedMoneyWrite.model_validate(one).model_dump(mode="json")
        for one in await library.list_planned_money(work, project.id)
    ]
    whole["targets"] = [
        TargetWrite.model_validate(one).model_dump(mode="json")
        for one in await library.list_targets(work, project.id)
    ]
    whole["places"] = [
        {"region": one.region, "address": one.address, "lon": one.lon, "lat": one.lat}
        for one in await library.list_places(work, project.id)
    ]
    return {name: whole[name] for name in sorted(names)}


async def get_change_detail(work: UnitOfWork, change_id: UUID) -> ChangeDetail:
    """The request and what the caller could do with it."""
    request = await repository.get_change(work, change_id)
    project = await library.get_project(work, request.project_id)
    facts = await _load_facts(work, request, project, ChangeTransitionRequest(), work.today)
    return ChangeDetail(
        **ChangeRead.model_validate(request).model_dump(),
        available_actions=available_actions(work, CHANGE_LIFECYCLE, request, facts),
    )


async def load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    """The request as its notice shows it."""
    request = await repository.get_change(work, record_id, lock=lock)
    levels = frozenset({NoticeLevel.CHANGE}) if request.state is ChangeState.APPROVED else frozenset()
    content = {
        "name": request.project_name,
        "reason": request.reason,
        "before": request.before,
        "after": {name: request.wanted[name] for name in request.before},
        "decision": f"{request.decision_no} {request.decision_on or ''}".strip(),
    }
    title = f"{request.project_name}变更"
    return NoticeSubject(
        NOTICE_SUBJECT_KIND, str(request.id), request.region, request.version, title, content, levels
    )


async def _load_facts(
    work: UnitOfWork, request: ChangeRequest, project: Project, act: ChangeTransitionRequest, on: date
) -> ChangeFacts:
    stand = await get_notice_status(work, NOTICE_SUBJECT_KIND, str(request.id), on)
    kinds = (await attachments.list_document_kinds(work, [project.id]))[project.id]
    found = await screening.screen_changed_project(
        work, project, _parse_wanted(request).get_sent_fields(), minutes=DocumentKind.MINUTES in kinds
    )
    return ChangeFacts(
        decision_no=act.decision_no,
        decision_on=act.decision_on,
        on=on,
        reason=act.reason,
        notice=first_blocking_notice(stand, NoticeLevel.CHANGE),
        findings=await screening.list_screening_faults(work, project, found, blocks_only=True),
    )


def _parse_wanted(request: ChangeRequest) -> ProjectChange:
    return ProjectChange.model_validate(request.wanted)


async def transition_change(
    work: UnitOfWork,
    change_id: UUID,
    action: ChangeAction,
    body: ChangeTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | ChangeRequest:
    """Take a request one step; applying it writes the project in the same transaction."""
    request = await repository.get_change(work, change_id)
    project = await library.get_project(work, request.project_id, lock=True)
    request = await repository.get_change(work, change_id, lock=True)
    on = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    facts = await _load_facts(work, request, project, body, on)
    preview = await apply_transition(
        work,
        CHANGE_LIFECYCLE,
        request,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: ChangeMoved(
            change_id=request.id, project_id=request.project_id, was=was, now=now
        ),
    )
    if preview is not None:
        return preview
    if action is ChangeAction.APPROVE:
        rule = await work.get_rule("change.republish_workdays", on=on, region=request.region)
        request.decision_no, request.decision_on = body.decision_no, body.decision_on
        request.approved_by, request.approved_on = work.actor.id, on
        request.republish_by = add_workdays(on, int(rule.value))
    elif action is ChangeAction.APPLY:
        request.applied_on = on
        wanted = service.extract_changes(_parse_wanted(request))
        await service.apply_changes(
            work, project, wanted, reason=request.reason, happened_at=body.happened_at
        )
        await screening.save_screening(
            work, project, await screening.screen_project(work, project), ScreeningOccasion.CHANGE
        )
    work.session.add(request)
    return request
