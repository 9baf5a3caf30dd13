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
    Finding,
    Screening,
    ScreeningOccasion,
    ScreeningSubject,
    Severity,
)
from shared.auth import May
from shared.clients.projects import ProjectCleared
from shared.db import new_id
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.records import create_record
from shared.unit_of_work import UnitOfWork

RULES_DIR = Path(__file__).parent.parent / "rules" / "screening"
MAX_CACHED_ENGINES = 8
_engine_cache: dict[tuple[str, date], Engine] = {}


@dataclass(frozen=True)
class ScreeningResult:
    """A project, what was found of it, and how many findings are still open."""

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
    """Judge a project, or a text that may become one, by the rules in force today in its region; nothing is stored.

    A project (`project_id`) is held against every other of its place and time whose keys `record` kept; a text against
    those its author may see.
    """
    engine = await get_engine_for_region(work, subject.region or work.context.settings.district)
    keys = compute_duplicate_keys(subject)
    if project_id is None:
        return engine.screen_subject(subject, await repository.list_similar(work, keys))
    return engine.screen_subject(subject, await repository.system_list_similar_to(work, keys, project_id))


async def get_engine_for_region(work: UnitOfWork, region: str) -> Engine:
    """The compiled rules in force today in a region."""
    digest = await repository.system_find_active_digest(work, region)
    return await get_engine_for_digest(work, digest)


async def get_engine_for_digest(work: UnitOfWork, digest: str | None) -> Engine:
    """The compiled rules of a kept set as they hold today; None is the built-in set."""
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
    """The rules as the files of this release say, read once."""
    return RuleSet.load(RULES_DIR)


@lru_cache(maxsize=1)
def read_built_in_source() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows and word sets of the files as they are written, to be edited."""
    return read_rule_rows(RULES_DIR)


async def record_screenings(
    work: UnitOfWork, judged: Sequence[ScreeningResult], occasion: ScreeningOccasion
) -> None:
    """Keep judgements as they were made: rules, findings, when, by whom and why then; and the keys of new texts."""
    fresh = [one for one in judged if one.new_text]
    await repository.system_replace_keys(
        work, [(one.project_id, one.region, one.year, compute_duplicate_keys(one.subject)) for one in fresh]
    )
    await repository.system_insert_runs(
        work,
        [
            {
                "id": new_id(),
                "project_id": one.project_id,
                "region": one.region,
                "occasion": occasion,
                "at": work.at,
                "by": work.actor.id,
                "rule_set_version": one.screening.rules_version,
                "verdict": one.screening.verdict,
                "findings": [
                    serialize_finding(finding, one.project_id) for finding in one.screening.findings
                ],
                "open": one.open,
            }
            for one in judged
        ],
    )


async def list_open_findings(work: UnitOfWork, found: Mapping[UUID, Screening]) -> dict[UUID, list[Finding]]:
    """Per project the findings that nobody has confirmed or waived as they stand now."""
    marks = {
        compute_finding_mark(one, project_id)
        for project_id, screening in found.items()
        for one in screening.findings
    }
    cleared = await repository.system_find_cleared(work, marks)
    return {
        project_id: [
            one for one in screening.findings if compute_finding_mark(one, project_id) not in cleared
        ]
        for project_id, screening in found.items()
    }


def compute_finding_mark(finding: Finding, project_id: UUID) -> str:
    """What makes a finding of a project the same one when it is screened again: rule, version and words.

    Of two alike projects it is the pair: who looked at one of them looked at both.
    """
    if finding.family is Family.DUPLICATE:
        parts = ["alike", *sorted([str(project_id), finding.other])]
    else:
        said = sorted({f"{match.field}:{match.text}" for match in finding.matches})
        parts = [str(project_id), finding.rule, str(finding.rule_version), *said]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:20]


def serialize_finding(finding: Finding, project_id: UUID) -> dict[str, Any]:
    """A finding as it is kept, with its mark."""
    return {**finding.model_dump(mode="json"), "mark": compute_finding_mark(finding, project_id)}


def build_subject(project: Project, *, minutes: bool) -> ScreeningSubject:
    """The project as the engine reads it, readiness included."""
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
    """What the rules in force today find, alike projects included."""
    return await screen_subject(work, await _load_subject(work, project), project_id=project.id)


async def _load_subject(work: UnitOfWork, project: Project) -> ScreeningSubject:
    kinds = (await attachments.list_document_kinds(work, [project.id]))[project.id]
    return build_subject(project, minutes=DocumentKind.MINUTES in kinds)


async def screen_changed_project(
    work: UnitOfWork, project: Project, given: Mapping[str, Any], *, minutes: bool
) -> Screening:
    """What they would find after a change."""
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
    changed = {name: value for name, value in given.items() if name in names}
    renamed = {
        ours: given[theirs]
        for theirs, ours in (("total", "amount"), ("place", "location"))
        if theirs in given
    }
    asked = build_subject(project, minutes=minutes).model_copy(update={**changed, **renamed})
    return await screen_subject(work, asked, project_id=project.id)


async def list_screening_faults(
    work: UnitOfWork, project: Project, found: Screening, *, blocks_only: bool = False
) -> tuple[FieldError, ...]:
    """What stops admission: blocks not waived, review findings not confirmed.

    `blocks_only` for a change that is not yet the project's: its review findings are confirmed once it is.
    """
    left = (await list_open_findings(work, {project.id: found}))[project.id]
    return tuple(_build_fault(one) for one in left if not blocks_only or one.severity is Severity.BLOCK)


def _build_fault(one: Finding) -> FieldError:
    words = "、".join(dict.fromkeys(match.text for match in one.matches))
    detail = f"筛查: {one.item}" + (f"({words})" if words else "") + f", {one.advice}"
    if one.severity is Severity.REVIEW:
        detail += "; 或由审核人确认并说明理由"
    return FieldError(f"screening_{one.severity}", detail, f"Screening: {one.rule}")


async def save_screening(
    work: UnitOfWork, project: Project, found: Screening, occasion: ScreeningOccasion
) -> None:
    """Write the findings into the project and its history of screenings."""
    left = (await list_open_findings(work, {project.id: found}))[project.id]
    copy_screening_to_project(work, project, found, left)
    work.session.add(project)
    judged = ScreeningResult(
        project.id, project.region, project.year, await _load_subject(work, project), found, len(left)
    )
    await record_screenings(work, [judged], occasion)


def copy_screening_to_project(
    work: UnitOfWork, project: Project, found: Screening, left: Iterable[Finding]
) -> None:
    """The project's own copy of its last screening."""
    project.screened_at = work.at
    project.verdict = found.verdict
    project.findings = [serialize_finding(one, project.id) for one in found.findings]
    project.rules_version = found.rules_version
    project.blocked = any(one.severity is Severity.BLOCK for one in left)


async def refresh_blocked(work: UnitOfWork, project: Project) -> None:
    """Whether the project is still blocked, now that a finding was cleared or refused."""
    cleared = await repository.system_find_cleared(work, {one["mark"] for one in project.findings})
    project.blocked = any(_is_block(one) and one["mark"] not in cleared for one in project.findings)
    work.session.add(project)


def _is_block(finding: Mapping[str, Any]) -> bool:
    return bool(finding["severity"] == Severity.BLOCK)


WAIVER_REQUEST_PERMISSIONS = (
    May.PROJECT_DECLARE,
    May.PROJECT_ENDORSE,
    May.PROJECT_APPRAISE,
    May.PROJECT_WAIVE,
)
"""Who may ask that a block be waived: whoever works on the project."""
CONFIRMATION_PERMISSIONS = (May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE)
"""Who may confirm a review finding: whoever reviews projects."""


async def rescreen_project(work: UnitOfWork, project_id: UUID) -> Project:
    """Screen a project now and keep what was found."""
    project = await projects.get_project(work, project_id, lock=True)
    _require_any_permission(work, project, WAIVER_REQUEST_PERMISSIONS)
    await save_screening(work, project, await screen_project(work, project), ScreeningOccasion.ASKED)
    return project


async def create_clearance(work: UnitOfWork, project_id: UUID, body: ClearanceCreate) -> Clearance:
    """Confirm a review finding at once, or ask that a block be waived; the finding must stand in the last screening."""
    project = await projects.get_project(work, project_id, lock=True)
    finding = _get_finding(project, body.finding)
    block = finding["severity"] == Severity.BLOCK
    _require_any_permission(work, project, WAIVER_REQUEST_PERMISSIONS if block else CONFIRMATION_PERMISSIONS)
    if not block:
        _require_other_than_author(work, project)
    earlier = await repository.list_clearances_of_finding(work, body.finding)
    if earlier and earlier[-1].state is not ClearanceState.REFUSED and earlier[-1].id != body.id:
        raise Conflict(f"这条发现{earlier[-1].state.label}", "This finding was taken up already")
    words = "、".join(dict.fromkeys(match["text"] for match in finding["matches"]))
    row, fresh = await create_record(
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
        await _publish_clearance(work, project, row, body.reason)
    return row


async def decide_clearance(
    work: UnitOfWork, clearance_id: UUID, body: ClearanceDecision, *, grant: bool
) -> Clearance:
    """Waive a block, or refuse to: by a person who neither asked for it nor entered the project."""
    row = await repository.get_clearance(work, clearance_id)
    work.actor.require(May.PROJECT_WAIVE, row.region)
    if row.state is not ClearanceState.ASKED:
        raise Conflict(f"放行申请{row.state.label}", f"The clearance is {row.state}")
    project = await projects.get_project(work, row.project_id, lock=True)
    if grant:
        _require_other_than_author(work, project)
        if row.created_by == work.actor.id:
            raise Forbidden("不能批准本人提出的放行", "Four eyes: another person must")
    row.state = ClearanceState.GRANTED if grant else ClearanceState.REFUSED
    row.decided_by, row.decided_at, row.decision = work.actor.id, work.at, body.reason
    row.version += 1
    row.updated_at = work.at
    work.session.add(row)
    await _publish_clearance(work, project, row, body.reason)
    return row


async def _publish_clearance(work: UnitOfWork, project: Project, row: Clearance, reason: str) -> None:
    await work.session.flush()
    before = project.blocked
    await refresh_blocked(work, project)
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
    await work.publish(event, project, before={"blocked": before}, reason=reason)


def _get_finding(project: Project, wanted: str) -> Mapping[str, Any]:
    for one in project.findings:
        if one.get("mark") == wanted:
            return one
    raise Invalid("最近一次筛查没有这条发现, 请重新筛查后再办", "The last screening has no such finding")


def _require_any_permission(work: UnitOfWork, project: Project, mays: tuple[May, ...]) -> None:
    if not any(work.actor.has_access(may, project.region) for may in mays):
        work.actor.require(mays[-1], project.region)


def _require_other_than_author(work: UnitOfWork, project: Project) -> None:
    if work.actor.id in {project.created_by, project.declared_by}:
        raise Forbidden("不能确认或放行本人录入、申报的项目", "Four eyes: another person must")
