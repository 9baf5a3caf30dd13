"""Screen subjects and projects, store results, confirm or waive findings.

Readiness is screened only when one of `READINESS_FIELDS` is given, even as null.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.attachments.schemas import DocumentKind
from services.projects.projects import repository as projects
from services.projects.projects.models import Project
from services.projects.screening import repository
from services.projects.screening.duplicates import compute_duplicate_keys
from services.projects.screening.engine import Engine
from services.projects.screening.models import Clearance
from services.projects.screening.rules import RuleSet, expand_word_sets, read_rule_rows
from services.projects.screening.schemas import (
    ClearanceCreate,
    ClearanceDecision,
    ClearanceState,
    Family,
    Screening,
    ScreeningFinding,
    ScreeningOccasion,
    ScreeningSubject,
    Severity,
)
from shared.auth import May
from shared.clients.projects import ProjectCleared
from shared.db import new_id
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.records import create_record, save_record, touch_record
from shared.unit_of_work import UnitOfWork

RULES_DIR = Path(__file__).parent.parent / "rules" / "screening"
MAX_CACHED_ENGINES = 8
WAIVER_REQUEST_PERMISSIONS = (
    May.PROJECT_DECLARE,
    May.PROJECT_ENDORSE,
    May.PROJECT_APPRAISE,
    May.PROJECT_WAIVE,
)
"""Permissions that allow requesting a waiver of a block: everybody who works on the project."""
CONFIRMATION_PERMISSIONS = (May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE)
"""Permissions that allow confirming a review finding: everybody who reviews projects."""
_engine_cache: dict[tuple[str, date], Engine] = {}


@dataclass(frozen=True)
class ScreeningResult:
    """The screening of a project with its subject and the number of open findings; `new_text`: its lookup keys must be replaced."""

    project_id: UUID
    region: str
    year: int
    subject: ScreeningSubject
    screening: Screening
    open: int
    new_text: bool = True


async def screen_subject(
    work: UnitOfWork, subject: ScreeningSubject, *, project_id: UUID | None = None
) -> Screening:
    """Screen a subject by the rules in force today in its region; nothing is stored.

    A stored project (`project_id`) is compared with all similar projects, a text only with those its author may read.
    """
    engine = await get_engine_for_region(work, subject.region or work.home_region)
    keys = compute_duplicate_keys(subject)
    if project_id is None:
        return engine.screen_subject(subject, await repository.list_similar(work, keys))
    return engine.screen_subject(subject, await repository.system_list_similar_to(work, keys, project_id))


async def get_engine_for_region(work: UnitOfWork, region: str) -> Engine:
    """Return the compiled rules in force today in a region."""
    digest = await repository.system_find_active_digest(work, region)
    return await get_engine_for_digest(work, digest)


async def get_engine_for_digest(work: UnitOfWork, digest: str | None) -> Engine:
    """Return the compiled rules of a stored set as they apply today; None means the built-in set."""
    key = (digest or load_built_in_rules().version, work.today)
    if key not in _engine_cache:
        if digest is None:
            rules = load_built_in_rules()
        else:
            row = await repository.system_get_rule_set_content(work, digest)
            rules = RuleSet.parse(row.rules, expand_word_sets(row.words))
        while len(_engine_cache) >= MAX_CACHED_ENGINES:
            _engine_cache.pop(next(iter(_engine_cache)))
        _engine_cache[key] = Engine(rules.select_in_force(work.today), rules.version)
    return _engine_cache[key]


@lru_cache(maxsize=1)
def load_built_in_rules() -> RuleSet:
    """Load and validate the rules of this release once."""
    return RuleSet.load(RULES_DIR)


@lru_cache(maxsize=1)
def read_built_in_source() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the raw rows and word sets of this release, as the base of an edited set."""
    return read_rule_rows(RULES_DIR)


async def record_screenings(
    work: UnitOfWork, results: Sequence[ScreeningResult], occasion: ScreeningOccasion
) -> None:
    """Store screening runs with rules, findings, time, actor and occasion; replace the lookup keys of changed texts."""
    with_new_text = [result for result in results if result.new_text]
    await repository.system_replace_keys(
        work,
        [
            (result.project_id, result.region, result.year, compute_duplicate_keys(result.subject))
            for result in with_new_text
        ],
    )
    await repository.system_insert_runs(
        work,
        [
            {
                "id": new_id(),
                "project_id": result.project_id,
                "region": result.region,
                "occasion": occasion,
                "at": work.at,
                "by": work.actor.id,
                "rule_set_version": result.screening.rules_version,
                "verdict": result.screening.verdict,
                "findings": [
                    serialize_finding(finding, result.project_id) for finding in result.screening.findings
                ],
                "open": result.open,
            }
            for result in results
        ],
    )


async def list_open_findings(
    work: UnitOfWork, screenings: Mapping[UUID, Screening]
) -> dict[UUID, list[ScreeningFinding]]:
    """Return per project the findings that are neither confirmed nor waived."""
    marks = {
        compute_finding_mark(finding, project_id)
        for project_id, screening in screenings.items()
        for finding in screening.findings
    }
    cleared = await repository.system_find_cleared(work, marks)
    return {
        project_id: [
            finding
            for finding in screening.findings
            if compute_finding_mark(finding, project_id) not in cleared
        ]
        for project_id, screening in screenings.items()
    }


def compute_finding_mark(finding: ScreeningFinding, project_id: UUID) -> str:
    """Compute the key that identifies a finding across screenings: rule, version and matched words.

    For duplicates it is the pair of projects, so that clearing one project also clears the other.
    """
    if finding.family is Family.DUPLICATE:
        parts = ["alike", *sorted([str(project_id), finding.other])]
    else:
        words = sorted({f"{match.field}:{match.text}" for match in finding.matches})
        parts = [str(project_id), finding.rule, str(finding.rule_version), *words]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:20]


def serialize_finding(finding: ScreeningFinding, project_id: UUID) -> dict[str, Any]:
    """Return a finding as stored in the record, with its mark."""
    return {**finding.model_dump(mode="json"), "mark": compute_finding_mark(finding, project_id)}


def build_subject(project: Project, *, minutes: bool) -> ScreeningSubject:
    """Build the screening subject of a project, readiness fields included."""
    return ScreeningSubject.model_construct(
        name=project.name,
        content=project.content,
        category=project.category,
        amount=project.total,
        year=project.year,
        region=project.region,
        location=project.place,
        cost_items=[],
        land=project.land,
        design=project.design,
        environment=project.environment,
        budget=project.budget,
        operator=project.operator or None,
        linkage=project.linkage or None,
        minutes=minutes,
    )


async def screen_project(work: UnitOfWork, project: Project) -> Screening:
    """Screen a project by the rules in force today, similar projects included."""
    return await screen_subject(work, await _load_subject(work, project), project_id=project.id)


async def _load_subject(work: UnitOfWork, project: Project) -> ScreeningSubject:
    kinds = (await attachments.list_document_kinds(work, [project.id]))[project.id]
    return build_subject(project, minutes=DocumentKind.MINUTES in kinds)


async def screen_changed_project(
    work: UnitOfWork, project: Project, changes: Mapping[str, Any], *, minutes: bool
) -> Screening:
    """Screen a project as it would be after a change."""
    names = {
        "name",
        "content",
        "category",
        "year",
        "land",
        "design",
        "environment",
        "budget",
        "operator",
        "linkage",
    }
    changed = {name: value for name, value in changes.items() if name in names}
    renamed = {
        subject_field: changes[project_field]
        for project_field, subject_field in (("total", "amount"), ("place", "location"))
        if project_field in changes
    }
    subject = build_subject(project, minutes=minutes).model_copy(update={**changed, **renamed})
    return await screen_subject(work, subject, project_id=project.id)


async def list_screening_faults(
    work: UnitOfWork, project: Project, result: Screening, *, blocks_only: bool = False
) -> tuple[FieldError, ...]:
    """Return errors for findings that stop admission: blocks not waived, review findings not confirmed.

    `blocks_only` is for a change request: its review findings can only be confirmed after the change is applied.
    """
    open_findings = (await list_open_findings(work, {project.id: result}))[project.id]
    return tuple(
        _build_fault(finding)
        for finding in open_findings
        if not blocks_only or finding.severity is Severity.BLOCK
    )


def _build_fault(finding: ScreeningFinding) -> FieldError:
    words = "、".join(dict.fromkeys(match.text for match in finding.matches))
    detail = f"筛查: {finding.item}" + (f"({words})" if words else "") + f", {finding.advice}"
    if finding.severity is Severity.REVIEW:
        detail += "; 或由审核人确认并说明理由"
    return FieldError(f"screening_{finding.severity}", detail, f"Screening: {finding.rule}")


async def save_screening(
    work: UnitOfWork, project: Project, result: Screening, occasion: ScreeningOccasion
) -> None:
    """Write the findings into the project and store the run."""
    open_findings = (await list_open_findings(work, {project.id: result}))[project.id]
    copy_screening_to_project(work, project, result, open_findings)
    work.session.add(project)
    record = ScreeningResult(
        project.id,
        project.region,
        project.year,
        await _load_subject(work, project),
        result,
        len(open_findings),
    )
    await record_screenings(work, [record], occasion)


def copy_screening_to_project(
    work: UnitOfWork, project: Project, result: Screening, open_findings: Iterable[ScreeningFinding]
) -> None:
    """Copy verdict, findings and rule digest of the last screening to the project row."""
    project.screened_at = work.at
    project.verdict = result.verdict
    project.findings = [serialize_finding(finding, project.id) for finding in result.findings]
    project.rules_version = result.rules_version
    project.blocked = any(finding.severity is Severity.BLOCK for finding in open_findings)


async def refresh_blocked(work: UnitOfWork, project: Project) -> None:
    """Recompute whether the project is blocked, after a finding was cleared or a waiver refused."""
    cleared = await repository.system_find_cleared(work, {finding["mark"] for finding in project.findings})
    project.blocked = any(
        _is_block(finding) and finding["mark"] not in cleared for finding in project.findings
    )
    work.session.add(project)


def _is_block(finding: Mapping[str, Any]) -> bool:
    return bool(finding["severity"] == Severity.BLOCK)


async def rescreen_project(work: UnitOfWork, project_id: UUID) -> Project:
    """Screen a project now and store the result."""
    project = await projects.get_project(work, project_id, lock=True)
    _require_any_permission(work, project, WAIVER_REQUEST_PERMISSIONS)
    await save_screening(work, project, await screen_project(work, project), ScreeningOccasion.ASKED)
    return project


async def create_clearance(work: UnitOfWork, project_id: UUID, body: ClearanceCreate) -> Clearance:
    """Confirm a review finding, or request a waiver of a block; raise Invalid when the last screening has no such finding."""
    project = await projects.get_project(work, project_id, lock=True)
    finding = _get_finding(project, body.finding)
    is_block = finding["severity"] == Severity.BLOCK
    _require_any_permission(
        work, project, WAIVER_REQUEST_PERMISSIONS if is_block else CONFIRMATION_PERMISSIONS
    )
    if not is_block:
        _require_other_than_author(work, project)
    earlier = await repository.list_clearances_of_finding(work, body.finding)
    if earlier and earlier[-1].state is not ClearanceState.REFUSED and earlier[-1].id != body.id:
        raise Conflict(f"这条发现{earlier[-1].state.label}", "This finding was taken up already")
    words = "、".join(dict.fromkeys(match["text"] for match in finding["matches"]))
    clearance, created = await create_record(
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
        state=ClearanceState.ASKED if is_block else ClearanceState.GRANTED,
        reason=body.reason,
        document_no=body.document_no,
        decided_by="" if is_block else work.actor.id,
        decided_at=None if is_block else work.at,
    )
    if created:
        await _publish_clearance(work, project, clearance, body.reason)
    return clearance


async def decide_clearance(
    work: UnitOfWork, clearance_id: UUID, body: ClearanceDecision, *, grant: bool
) -> Clearance:
    """Grant or refuse a waiver; granting requires a person who neither requested it nor entered the project."""
    clearance = await repository.get_clearance(work, clearance_id)
    work.actor.require(May.PROJECT_WAIVE, clearance.region)
    if clearance.state is not ClearanceState.ASKED:
        raise Conflict(f"放行申请{clearance.state.label}", f"The clearance is {clearance.state}")
    project = await projects.get_project(work, clearance.project_id, lock=True)
    if grant:
        _require_other_than_author(work, project)
        if work.actor.is_same_person(clearance.created_by):
            raise Forbidden("不能批准本人提出的放行", "Four eyes: another person must")
    clearance.state = ClearanceState.GRANTED if grant else ClearanceState.REFUSED
    clearance.decided_by, clearance.decided_at, clearance.decision = work.actor.id, work.at, body.reason
    touch_record(work, clearance)
    await _publish_clearance(work, project, clearance, body.reason)
    return clearance


async def _publish_clearance(work: UnitOfWork, project: Project, clearance: Clearance, reason: str) -> None:
    await work.session.flush()
    before = project.blocked
    await refresh_blocked(work, project)
    event = ProjectCleared(
        project_id=project.id,
        clearance_id=clearance.id,
        rule=clearance.rule,
        item=clearance.item,
        severity=clearance.severity,
        state=clearance.state,
        blocked=project.blocked,
    )
    await save_record(work, project, event, before={"blocked": before}, reason=reason)


def _get_finding(project: Project, mark: str) -> Mapping[str, Any]:
    for finding in project.findings:
        if finding.get("mark") == mark:
            return finding
    raise Invalid("最近一次筛查没有这条发现, 请重新筛查后再办", "The last screening has no such finding")


def _require_any_permission(work: UnitOfWork, project: Project, permissions: tuple[May, ...]) -> None:
    if not any(work.actor.has_access(permission, project.region) for permission in permissions):
        work.actor.require(permissions[-1], project.region, department=project.managing_unit)


def _require_other_than_author(work: UnitOfWork, project: Project) -> None:
    if work.actor.is_same_person(project.created_by, project.declared_by):
        raise Forbidden("不能确认或放行本人录入、申报的项目", "Four eyes: another person must")
