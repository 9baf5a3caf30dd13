"""Draft, trial, activate and retire rule sets; run screening jobs in batches, one transaction each."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.attachments.schemas import DocumentKind
from services.projects.projects.models import Project
from services.projects.screening import repository as screenings
from services.projects.screening import service as screening
from services.projects.screening.duplicates import compute_duplicate_keys
from services.projects.screening.grammar import GRAMMAR_WORD_SETS
from services.projects.screening.lexicon import InvalidPattern
from services.projects.screening.models import RuleSetRow, ScreeningJob
from services.projects.screening.rules import InvalidRules, RuleSet, expand_word_sets
from services.projects.screening.schemas import (
    RuleSetState,
    Screening,
    ScreeningJobKind,
    ScreeningJobState,
    ScreeningOccasion,
    ScreeningSubject,
    Severity,
)
from services.projects.screening.service import ScreeningResult
from services.projects.screening_rules import repository as jobs
from services.projects.screening_rules.schemas import (
    RuleRow,
    RuleSetActivation,
    RuleSetChange,
    RuleSetDecision,
    RuleSetDraft,
    RuleSetItem,
    ScreeningJobRead,
)
from shared.auth import NATION_CODE, May
from shared.clients.projects import ProjectScreened, ScreeningRulesMoved
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, Forbidden, Invalid, PreconditionMissing
from shared.http import VersionMatch
from shared.records import create_record
from shared.unit_of_work import ServiceContext, UnitOfWork

BATCH_PROJECTS = 200


async def start_job(
    work: UnitOfWork,
    kind: ScreeningJobKind,
    region: str,
    *,
    rule_set: RuleSetRow | None = None,
    digest: str = "",
) -> ScreeningJob:
    """A job over a region's projects; it runs in the background."""
    job = ScreeningJob(
        id=new_id(),
        region=region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        kind=kind,
        state=ScreeningJobState.RUNNING,
        rule_set_id=rule_set.id if rule_set else None,
        rule_set_version=digest,
        total=await jobs.count_projects(work, region),
    )
    work.session.add(job)
    await work.session.flush()
    return job


async def start_rescreening(work: UnitOfWork, region: str) -> ScreeningJob:
    """Screen a region's whole library again by the rules in force."""
    work.actor.require(May.RULE_MANAGE, region)
    digest = (
        await screenings.system_find_active_digest(work, region) or screening.load_built_in_rules().version
    )
    return await start_job(work, ScreeningJobKind.RESCREEN, region, digest=digest)


async def run_next_batch(context: ServiceContext) -> bool:
    """One batch of the oldest job; False when there is nothing to do. A job that breaks ends, so that others go on."""
    try:
        return await _run_batch(context)
    except ApiError:
        raise
    except Exception:
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            if (job := await jobs.system_lock_next_job(work)) is not None:
                job.state, job.finished_at, job.version = ScreeningJobState.FAILED, work.at, job.version + 1
                work.session.add(job)
        raise


async def _run_batch(context: ServiceContext) -> bool:
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        job = await jobs.system_lock_next_job(work)
        if job is None:
            return False
        trial = job.kind is ScreeningJobKind.TRIAL
        batch = await jobs.system_list_batch(work, job.region, job.position, BATCH_PROJECTS, lock=not trial)
        if batch:
            await (_compare_batch if trial else _rescreen_batch)(work, job, batch)
            job.position, job.done = batch[-1].id, job.done + len(batch)
        if len(batch) < BATCH_PROJECTS:
            job.state, job.finished_at, job.total = ScreeningJobState.DONE, work.at, job.done
        job.version += 1
        job.updated_at = work.at
        work.session.add(job)
    return True


async def _load_subjects(work: UnitOfWork, batch: Sequence[Project]) -> dict[UUID, ScreeningSubject]:
    kinds = await attachments.list_document_kinds(work, [project.id for project in batch])
    return {
        project.id: screening.build_subject(project, minutes=DocumentKind.MINUTES in kinds[project.id])
        for project in batch
    }


async def _compare_batch(work: UnitOfWork, job: ScreeningJob, batch: Sequence[Project]) -> None:
    """What the draft rules say of each project, beside what those in force say; nothing of a project changes."""
    subjects = await _load_subjects(work, batch)
    draft = await screening.get_engine_for_digest(work, job.rule_set_version)
    in_force = await screening.get_engine_for_region(work, job.region)
    pairs = [
        (project, in_force.screen_subject(subjects[project.id]), draft.screen_subject(subjects[project.id]))
        for project in batch
    ]
    await _record_changes(
        work, job, [(project, _collect_rule_ids(was), was.verdict, now) for project, was, now in pairs]
    )


async def _rescreen_batch(work: UnitOfWork, job: ScreeningJob, batch: Sequence[Project]) -> None:
    """Screen each project anew, alike projects included, and keep it; projects judged otherwise are told."""
    subjects = await _load_subjects(work, batch)
    keyless = await screenings.system_find_without_keys(work, [project.id for project in batch])
    await screenings.system_replace_keys(
        work,
        [
            (one.id, one.region, one.year, compute_duplicate_keys(subjects[one.id]))
            for one in batch
            if one.id in keyless
        ],
    )
    alike = await screenings.system_list_similar(work, [project.id for project in batch])
    engine = await screening.get_engine_for_region(work, job.region)
    found = {
        project.id: engine.screen_subject(subjects[project.id], alike.get(project.id, ()))
        for project in batch
    }
    left = await screening.list_open_findings(work, found)
    await _record_changes(
        work,
        job,
        [
            (project, {one["rule"] for one in project.findings}, project.verdict, found[project.id])
            for project in batch
        ],
    )
    judged, rows = [], []
    for project in batch:
        result, open_ = found[project.id], left[project.id]
        blocked = any(one.severity is Severity.BLOCK for one in open_)
        said = (project.id, project.region, project.year, subjects[project.id], result, len(open_))
        judged.append(ScreeningResult(*said, new_text=False))
        rows.append(_build_project_update(work, project, result, blocked=blocked))
        await _publish_screened(work, project, result, blocked=blocked)
    await jobs.system_update_projects(work, rows)
    await screening.record_screenings(work, judged, ScreeningOccasion.RESCREEN)


async def _publish_screened(work: UnitOfWork, project: Project, result: Screening, *, blocked: bool) -> None:
    if blocked == project.blocked and result.verdict == project.verdict:
        return
    event = ProjectScreened(
        project_id=project.id,
        verdict=result.verdict,
        blocked=blocked,
        rules_version=result.rules_version,
    )
    await work.publish(event, project, before={"verdict": project.verdict, "blocked": project.blocked})


def _build_project_update(
    work: UnitOfWork, project: Project, found: Screening, *, blocked: bool
) -> dict[str, Any]:
    return {
        "project_id": project.id,
        "new_screened_at": work.at,
        "new_verdict": found.verdict,
        "new_findings": [screening.serialize_finding(one, project.id) for one in found.findings],
        "new_rules_version": found.rules_version,
        "new_blocked": blocked,
    }


def _collect_rule_ids(found: Screening) -> set[str]:
    return {one.rule for one in found.findings}


async def _record_changes(
    work: UnitOfWork, job: ScreeningJob, judged: Sequence[tuple[Project, set[str], str, Screening]]
) -> None:
    """Count the verdicts, and keep which projects are judged otherwise than before."""
    verdicts = dict(job.verdicts)
    rows = []
    for project, before, was, found in judged:
        now = _collect_rule_ids(found)
        verdicts[found.verdict] = verdicts.get(found.verdict, 0) + 1
        if before != now or was != found.verdict:
            rows.append(
                {
                    "id": new_id(),
                    "job_id": job.id,
                    "project_id": project.id,
                    "region": project.region,
                    "name": project.name,
                    "was": str(was),
                    "now": str(found.verdict),
                    "appeared": sorted(now - before),
                    "gone": sorted(before - now),
                }
            )
    job.verdicts, job.changed = verdicts, job.changed + len(rows)
    await jobs.system_insert_job_changes(work, rows)


MAX_RULES = 500


async def store_built_in_rules(context: ServiceContext) -> None:
    """Keep the rules of this release, so that every digest a screening names can be read; done at each start."""
    rules, words = screening.read_built_in_source()
    try:
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            if await jobs.system_has_digest(work, screening.load_built_in_rules().version):
                return
            session.add(
                RuleSetRow(
                    id=new_id(),
                    region=NATION_CODE,
                    created_at=work.at,
                    created_by=work.actor.id,
                    updated_at=work.at,
                    number=await jobs.get_next_number(work, NATION_CODE),
                    title="随版本内置的筛查规则",
                    state=RuleSetState.BUILT_IN,
                    digest=screening.load_built_in_rules().version,
                    rules=rules,
                    words=words,
                )
            )
    except Conflict:
        return  # another replica started at the same moment and keeps the same


async def create_rule_set(work: UnitOfWork, body: RuleSetDraft) -> RuleSetRow:
    """A draft from the rules in force in a region; Invalid names every fault with its place."""
    work.actor.require(May.RULE_MANAGE, body.region)
    base = await jobs.find_active_rule_set(work, body.region)
    rules, words = (base.rules, base.words) if base else screening.read_built_in_source()
    rules, words, digest = _edit_rules(rules, words, body)
    row, _ = await create_record(
        work,
        RuleSetRow,
        body,
        region=body.region,
        id=body.id,
        number=await jobs.get_next_number(work, body.region),
        title=body.title,
        reason=body.reason,
        state=RuleSetState.DRAFT,
        digest=digest,
        base_digest=base.digest if base else screening.load_built_in_rules().version,
        rules=rules,
        words=words,
    )
    return row


async def update_rule_set(
    work: UnitOfWork, rule_set_id: UUID, body: RuleSetChange, match: VersionMatch
) -> RuleSetRow:
    """Edit a draft further; a trial made before no longer counts."""
    row = await _get_draft(work, rule_set_id)
    match.require_version(row)
    row.rules, row.words, row.digest = _edit_rules(row.rules, row.words, body)
    row.title, row.reason = body.title or row.title, body.reason or row.reason
    return _mark_updated(work, row)


async def start_trial(work: UnitOfWork, rule_set_id: UUID) -> ScreeningJob:
    """Begin to screen the whole library by the draft, beside the rules in force; nothing of a project changes."""
    row = await _get_draft(work, rule_set_id)
    return await start_job(work, ScreeningJobKind.TRIAL, row.region, rule_set=row, digest=row.digest)


async def activate_rule_set(
    work: UnitOfWork, rule_set_id: UUID, body: RuleSetDecision, match: VersionMatch
) -> RuleSetActivation:
    """Put a draft in force and begin to screen the library again; NotReady without a finished trial of these rules."""
    row = await _get_draft(work, rule_set_id)
    match.check_version(row)
    if row.created_by == work.actor.id:
        raise Forbidden("不能启用本人起草的规则, 须由另一人办理", "Four eyes: another person must")
    if await jobs.find_finished_trial(work, row.id, row.digest) is None:
        detail = "启用前须用这份草稿对全库试算并看过结果"
        raise PreconditionMissing(
            detail, errors=[FieldError("no_trial", detail, "Try these rules over the library first")]
        )
    before = await jobs.find_active_rule_set(work, row.region, lock=True)
    if before is not None and before.region == row.region:
        before.state, before.retired_at = RuleSetState.RETIRED, work.at
        _mark_updated(work, before)
    row.state, row.activated_at, row.activated_by = RuleSetState.ACTIVE, work.at, work.actor.id
    _mark_updated(work, row)
    await work.session.flush()
    await _publish_rule_set(work, row, RuleSetState.DRAFT, body.reason)
    job = await start_job(work, ScreeningJobKind.RESCREEN, row.region, rule_set=row, digest=row.digest)
    return RuleSetActivation(
        rule_set=RuleSetItem.model_validate(row), job=ScreeningJobRead.model_validate(job)
    )


async def discard_rule_set(work: UnitOfWork, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetRow:
    """A draft that will not be used."""
    row = await _get_draft(work, rule_set_id)
    row.state = RuleSetState.DISCARDED
    _mark_updated(work, row)
    await _publish_rule_set(work, row, RuleSetState.DRAFT, body.reason)
    return row


async def retire_rule_set(work: UnitOfWork, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetActivation:
    """Take an edited set out of force: the rules above it, in the end those of the release, hold again."""
    row = await jobs.get_rule_set(work, rule_set_id, lock=True)
    work.actor.require(May.RULE_MANAGE, row.region)
    if row.state is not RuleSetState.ACTIVE:
        raise Conflict(f"规则集{row.state.label}", f"The rule set is {row.state}")
    row.state, row.retired_at = RuleSetState.RETIRED, work.at
    _mark_updated(work, row)
    await work.session.flush()
    await _publish_rule_set(work, row, RuleSetState.ACTIVE, body.reason)
    job = await start_rescreening(work, row.region)
    return RuleSetActivation(
        rule_set=RuleSetItem.model_validate(row), job=ScreeningJobRead.model_validate(job)
    )


async def _publish_rule_set(work: UnitOfWork, row: RuleSetRow, was: RuleSetState, reason: str) -> None:
    event = ScreeningRulesMoved(
        rule_set_id=row.id, number=row.number, digest=row.digest, was=was, now=row.state
    )
    await work.publish(event, row, before={"state": was}, reason=reason)


async def _get_draft(work: UnitOfWork, rule_set_id: UUID) -> RuleSetRow:
    row = await jobs.get_rule_set(work, rule_set_id, lock=True)
    work.actor.require(May.RULE_MANAGE, row.region)
    if row.state is not RuleSetState.DRAFT:
        raise Conflict(f"规则集{row.state.label}, 不是草稿", f"The rule set is {row.state}")
    return row


def _mark_updated(work: UnitOfWork, row: RuleSetRow) -> RuleSetRow:
    row.version += 1
    row.updated_at = work.at
    work.session.add(row)
    return row


def _edit_rules(
    rules: Sequence[RuleRow], words: Mapping[str, Any], body: RuleSetDraft | RuleSetChange
) -> tuple[list[RuleRow], dict[str, Any], str]:
    """The rules and words after the edit, and their digest."""
    put = {(str(one.get("id")), str(one.get("effective_from"))) for one in body.put}
    kept = [
        one for one in rules if one["id"] not in body.remove and (one["id"], one["effective_from"]) not in put
    ]
    after = {name: found for name, found in (dict(words) | body.words).items() if found is not None}
    edited = [*kept, *body.put]
    if len(edited) > MAX_RULES:
        raise Invalid(f"规则不能超过 {MAX_RULES} 条", "Too many rules")
    try:
        sets = expand_word_sets(after)
    except InvalidPattern as error:
        raise _build_words_error("/words", str(error)) from error
    if lost := [name for name in GRAMMAR_WORD_SETS if not sets.get(name)]:
        raise _build_words_error("/words", f"这些词组不能删去: {'、'.join(lost)}")
    try:
        return edited, after, RuleSet.parse(edited, sets).version
    except InvalidRules as error:
        faults = [
            FieldError("rule", one.message, one.message, f"/put/{one.index - len(kept)}{one.pointer}")
            if one.index >= len(kept)
            else FieldError("rule", f"{one.rule}: {one.message}", one.message, "/words")
            for one in error.faults[:50]
        ]
        raise Invalid("规则有误", "The rules are not valid", errors=faults) from error


def _build_words_error(pointer: str, detail: str) -> ApiError:
    return Invalid(detail, detail, errors=[FieldError("words", detail, detail, pointer)])
