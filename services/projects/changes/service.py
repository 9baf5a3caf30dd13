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
from services.projects.policy import REPUBLISH_WORKDAYS
from services.projects.projects import repository as projects
from services.projects.projects import service as project_service
from services.projects.projects.lifecycle import CONSTRUCTION_STATES, State
from services.projects.projects.models import Project
from services.projects.projects.schemas import (
    PlannedMoneyWrite,
    ProjectChange,
    ProjectCreate,
    ProjectRead,
    TargetWrite,
)
from services.projects.screening import service as screening
from services.projects.screening.schemas import ScreeningOccasion
from shared.auth import May
from shared.china import add_workdays, format_yuan
from shared.clients.projects import ChangeMoved
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions, entry_time
from shared.notices.layout import Fact, NoticeLayout
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStep, NoticeSubject, first_blocking_notice, get_notice_status
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

CHANGEABLE_STATES = frozenset({State.RESERVE, State.PLANNED, State.SUSPENDED, *CONSTRUCTION_STATES})
FIXED_FIELDS = frozenset({"parent_id", "origin", "year", "leader_name", "leader_phone", "remark"})
"""Fields that no change request may contain: some are edited directly, the others never change."""


async def create_change(work: UnitOfWork, project_id: UUID, body: ChangeCreate) -> ChangeRequest:
    """Create a change request; raise Conflict while another one is open, Invalid when the result would be inconsistent."""
    project = await projects.get_project(work, project_id, lock=True)
    work.actor.require(May.PROJECT_IMPLEMENT, project.region, department=project.managing_unit)
    if body.id is None or await work.session.get(ChangeRequest, body.id) is None:
        await _require_changeable(work, project, body)
    happened_at = entry_time(body.happened_at, work.at)
    ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, ids, "/file_ids")
    change_id = body.id or new_id()
    change, _ = await create_record(
        work,
        ChangeRequest,
        body,
        event=lambda change: ChangeMoved(
            change_id=change.id, project_id=project.id, was="", now=change.state
        ),
        event_reason=body.reason,
        event_time=happened_at,
        region=project.region,
        id=change_id,
        subject=str(change_id),
        project_id=project.id,
        project_name=project.name,
        managing_unit=project.managing_unit,
        reason=body.reason,
        wanted=body.wanted.model_dump(mode="json", exclude_unset=True),
        before=await _load_shown_values(work, project, set(body.wanted.get_sent_fields())),
        file_ids=ids,
        state=ChangeState.SUBMITTED,
        state_since=happened_at,
    )
    return change


async def _require_changeable(work: UnitOfWork, project: Project, body: ChangeCreate) -> None:
    if project.state not in CHANGEABLE_STATES:
        raise Conflict(f"项目{project.state.label}, 不能申请变更", f"The project is {project.state}")
    if await repository.has_open_change(work, project.id):
        raise Conflict("项目已有未办结的变更申请", "Another change request is open")
    changes = body.wanted.get_sent_fields()
    faults = [
        FieldError("not_by_request", "不通过变更申请修改", "not by a change request", f"/wanted/{name}")
        for name in sorted(set(changes) & FIXED_FIELDS)
    ]
    if not changes:
        faults.append(FieldError("nothing", "没有写明变更内容", "nothing changes", "/wanted"))
    if changes.get("total", project.total) < project.allocated:
        detail = f"变更后总投资低于已下达资金 {format_yuan(project.allocated)} 元"
        faults.append(FieldError("below_allocated", detail, "below what was allocated", "/wanted/total"))
    if faults:
        raise Invalid("变更内容有误", "The change is not valid", errors=faults)
    await project_service.validate_changes(
        work, project, project_service.extract_changes(body.wanted), pointer_prefix="/wanted"
    )


async def _load_shown_values(work: UnitOfWork, project: Project, names: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = ProjectRead.model_validate(project).model_dump(mode="json")
    values["money"] = [
        PlannedMoneyWrite.model_validate(row).model_dump(mode="json")
        for row in await projects.list_planned_money(work, project.id)
    ]
    values["targets"] = [
        TargetWrite.model_validate(row).model_dump(mode="json")
        for row in await projects.list_targets(work, project.id)
    ]
    values["places"] = [
        {"region": place.region, "address": place.address, "lon": place.lon, "lat": place.lat}
        for place in await projects.list_places(work, project.id)
    ]
    return {name: values[name] for name in sorted(names)}


async def get_change_detail(work: UnitOfWork, change_id: UUID) -> ChangeDetail:
    """Load a change request with the actions available to the caller."""
    change = await repository.get_change(work, change_id)
    project = await projects.get_project(work, change.project_id)
    facts = await _load_facts(work, change, project, ChangeTransitionRequest(), work.today)
    return ChangeDetail(
        **ChangeRead.model_validate(change).model_dump(),
        available_actions=available_actions(work, CHANGE_LIFECYCLE, change, facts),
    )


NOTICE_LAYOUT = NoticeLayout(
    {"name": Fact("项目名称"), "reason": Fact("变更原因"), "decision": Fact("审定文件")},
    compares={
        name: (field.description or "").partition("; ")[0].partition(", ")[0] or "其他"
        for name, field in ProjectCreate.model_fields.items()
    },
)


async def load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    """Load a change request as the subject of its notice: old and new values of the changed fields."""
    change = await repository.get_change(work, record_id, lock=lock)
    steps = {}
    if change.state is ChangeState.APPROVED:
        steps[NoticeLevel.CHANGE] = NoticeStep(begun_on=change.approved_on)
    content = {
        "name": change.project_name,
        "reason": change.reason,
        "before": change.before,
        "after": {name: change.wanted[name] for name in change.before},
        "decision": f"{change.decision_no} {change.decision_on or ''}".strip(),
    }
    return NoticeSubject(
        NOTICE_SUBJECT_KIND,
        str(change.id),
        change.region,
        change.version,
        change.project_name,
        content,
        steps,
        change.managing_unit,
    )


async def _load_facts(
    work: UnitOfWork, change: ChangeRequest, project: Project, request: ChangeTransitionRequest, on: date
) -> ChangeFacts:
    notice_status = await get_notice_status(work, NOTICE_SUBJECT_KIND, str(change.id), on)
    kinds = (await attachments.list_document_kinds(work, [project.id]))[project.id]
    result = await screening.screen_changed_project(
        work, project, _parse_wanted(change).get_sent_fields(), minutes=DocumentKind.MINUTES in kinds
    )
    return ChangeFacts(
        decision_no=request.decision_no,
        decision_on=request.decision_on,
        on=on,
        reason=request.reason,
        notice=first_blocking_notice(notice_status, NoticeLevel.CHANGE),
        findings=await screening.list_screening_faults(work, project, result, blocks_only=True),
    )


def _parse_wanted(change: ChangeRequest) -> ProjectChange:
    return ProjectChange.model_validate(change.wanted)


async def transition_change(
    work: UnitOfWork,
    change_id: UUID,
    action: ChangeAction,
    body: ChangeTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | ChangeRequest:
    """Perform one transition, or preview it; applying a change writes the project in the same transaction."""
    change = await repository.get_change(work, change_id)
    project = await projects.get_project(work, change.project_id, lock=True)
    change = await repository.get_change(work, change_id, lock=True)
    day = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    facts = await _load_facts(work, change, project, body, day)
    preview = await apply_transition(
        work,
        CHANGE_LIFECYCLE,
        change,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: ChangeMoved(
            change_id=change.id, project_id=change.project_id, was=was, now=now
        ),
    )
    if preview is not None:
        return preview
    if action is ChangeAction.APPROVE:
        rule = await work.get_rule(REPUBLISH_WORKDAYS, on=day, region=change.region)
        change.decision_no, change.decision_on = body.decision_no, body.decision_on
        change.approved_by, change.approved_on = work.actor.id, day
        change.republish_by = add_workdays(day, rule.value)
    elif action is ChangeAction.APPLY:
        change.applied_on = day
        changes = project_service.extract_changes(_parse_wanted(change))
        await project_service.apply_changes(
            work, project, changes, reason=change.reason, happened_at=body.happened_at
        )
        await screening.save_screening(
            work, project, await screening.screen_project(work, project), ScreeningOccasion.CHANGE
        )
    work.session.add(change)
    return change
