"""Confirming a review finding (one person) and waiving a block (two persons); neither may have entered the project."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.projects.clearing import repository
from services.projects.clearing.schemas import ClearanceAsk, ClearanceDecision
from services.projects.library import repository as projects
from services.projects.library import screens
from services.projects.library.models import Project
from services.projects.screening.kinds import ClearanceState, Occasion
from services.projects.screening.models import Clearance
from services.projects.screening.schemas import Severity
from shared.contracts.projects import ProjectCleared
from shared.creates import create
from shared.errors import Conflict, Forbidden, Invalid
from shared.permissions import May
from shared.work import Work

ASKING = (May.PROJECT_DECLARE, May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE)
"""Who may ask that a block be waived: whoever works on the project."""
CONFIRMING = (May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE)
"""Who may confirm a review finding: whoever reviews projects."""


async def screen_again(work: Work, project_id: UUID) -> Project:
    """Screen a project now and keep what was found."""
    project = await projects.get(work, project_id, lock=True)
    _require_any(work, project, ASKING)
    await screens.keep(work, project, await screens.ask(work, project), Occasion.ASKED)
    return project


async def ask(work: Work, project_id: UUID, body: ClearanceAsk) -> Clearance:
    """Confirm a review finding at once, or ask that a block be waived; the finding must stand in the last screening."""
    project = await projects.get(work, project_id, lock=True)
    finding = _finding(project, body.finding)
    block = finding["severity"] == Severity.BLOCK
    _require_any(work, project, ASKING if block else CONFIRMING)
    if not block:
        _not_its_author(work, project)
    earlier = await repository.of_finding(work, body.finding)
    if earlier and earlier[-1].state is not ClearanceState.REFUSED and earlier[-1].id != body.id:
        raise Conflict(f"这条发现{earlier[-1].state.label}", "This finding was taken up already")
    words = "、".join(dict.fromkeys(match["text"] for match in finding["matches"]))
    row, fresh = await create(
        work,
        Clearance,
        body,
        region=project.region,
        id=body.id,
        project_id=project.id,
        finding=body.finding,
        attempt=len(earlier) + 1,
        rule=f"{finding['rule']}@{finding['rule_version']}",
        item=finding["item"],
        severity=Severity(finding["severity"]),
        words=words,
        state=ClearanceState.ASKED if block else ClearanceState.GRANTED,
        reason=body.reason,
        document_no=body.document_no,
        decided_by="" if block else work.actor.id,
        decided_at=None if block else work.at,
    )
    if fresh:
        await _settled(work, project, row, body.reason)
    return row


async def decide(work: Work, clearance_id: UUID, body: ClearanceDecision, *, grant: bool) -> Clearance:
    """Waive a block, or refuse to: by a person who neither asked for it nor entered the project."""
    row = await repository.get(work, clearance_id)
    work.actor.require(May.PROJECT_WAIVE, row.region)
    if row.state is not ClearanceState.ASKED:
        raise Conflict(f"放行申请{row.state.label}", f"The clearance is {row.state}")
    project = await projects.get(work, row.project_id, lock=True)
    if grant:
        _not_its_author(work, project)
        if row.created_by == work.actor.id:
            raise Forbidden("不能批准本人提出的放行", "Four eyes: another person must")
    row.state = ClearanceState.GRANTED if grant else ClearanceState.REFUSED
    row.decided_by, row.decided_at, row.decision = work.actor.id, work.at, body.reason
    row.version += 1
    row.updated_at = work.at
    work.session.add(row)
    await _settled(work, project, row, body.reason)
    return row


async def _settled(work: Work, project: Project, row: Clearance, reason: str) -> None:
    await work.session.flush()
    before = project.blocked
    await screens.reckon(work, project)
    project.version += 1
    project.updated_at = work.at
    work.session.add(project)
    event = ProjectCleared(
        project_id=project.id,
        clearance_id=row.id,
        rule=row.rule,
        item=row.item,
        severity=row.severity,
        state=row.state,
        blocked=project.blocked,
    )
    await work.tell(event, project, before={"blocked": before}, reason=reason)


def _finding(project: Project, wanted: str) -> Mapping[str, Any]:
    for one in project.findings:
        if one.get("mark") == wanted:
            return one
    raise Invalid("最近一次筛查没有这条发现, 请重新筛查后再办", "The last screening has no such finding")


def _require_any(work: Work, project: Project, mays: tuple[May, ...]) -> None:
    if not any(work.actor.sees(may, project.region) for may in mays):
        work.actor.require(mays[-1], project.region)


def _not_its_author(work: Work, project: Project) -> None:
    if work.actor.id in {project.created_by, project.declared_by}:
        raise Forbidden("不能确认或放行本人录入、申报的项目", "Four eyes: another person must")
