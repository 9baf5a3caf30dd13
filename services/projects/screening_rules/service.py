"""Draft, trial, activate and retire rule sets; run screening jobs in batches, one transaction each."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.attachments.schemas import DocumentKind
from services.projects.projects.models import Project
from services.projects.screening import repository as screening_repository
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
from services.projects.screening_rules import repository
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
from shared.records import create_record, log_event, save_record, touch_record
from shared.unit_of_work import ServiceContext, UnitOfWork

BATCH_PROJECTS = 200
MAX_RULES = 500


async def start_job(
    work: UnitOfWork,
    kind: ScreeningJobKind,
    region: str,
    *,
    rule_set: RuleSetRow | None = None,
    digest: str = "",
) -> ScreeningJob:
    """Create a job over the projects of a region; the background task runs it."""
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
        total=await repository.count_projects(work, region),
    )
    work.session.add(job)
    await work.session.flush()
    return job


async def start_rescreening(work: UnitOfWork, region: str) -> ScreeningJob:
    """Start a job that screens all projects of a region by the rules in force."""
    work.actor.require(May.PROJECT_RULE_MANAGE, region)
    digest = (
        await screening_repository.system_find_active_digest(work, region)
        or screening.load_built_in_rules().version
    )
    return await start_job(work, ScreeningJobKind.RESCREEN, region, digest=digest)


async def run_next_batch(context: ServiceContext) -> bool:
    """Run one batch of the job whose turn it is; False when there is none. A job that raises is marked failed, so that others continue."""
    try:
        return await _run_batch(context)
    except ApiError:
        raise
    except Exception:
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            if (job := await repository.system_lock_next_job(work)) is not None:
                job.state, job.finished_at = ScreeningJobState.FAILED, work.at
                touch_record(work, job)
        raise


async def _run_batch(context: ServiceContext) -> bool:
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        job = await repository.system_lock_next_job(work)
        if job is None:
            return False
        trial = job.kind is ScreeningJobKind.TRIAL
        batch = await repository.system_list_batch(
            work, job.region, job.position, BATCH_PROJECTS, lock=not trial
        )
        if batch:
            await (_compare_batch if trial else _rescreen_batch)(work, job, batch)
            job.position, job.done = batch[-1].id, job.done + len(batch)
        if len(batch) < BATCH_PROJECTS:
            job.state, job.finished_at, job.total = ScreeningJobState.DONE, work.at, job.done
        touch_record(work, job)
    return True


async def _load_subjects(work: UnitOfWork, batch: Sequence[Project]) -> dict[UUID, ScreeningSubject]:
    kinds = await attachments.list_document_kinds(work, [project.id for project in batch])
    return {
        project.id: screening.build_subject(project, minutes=DocumentKind.MINUTES in kinds[project.id])
        for project in batch
    }


async def _compare_batch(work: UnitOfWork, job: ScreeningJob, batch: Sequence[Project]) -> None:
    """Compare the draft rules with the rules in force on each project; projects are not changed."""
    subjects = await _load_subjects(work, batch)
    draft = await screening.get_engine_for_digest(work, job.rule_set_version)
    in_force = await screening.get_engine_for_region(work, job.region)
    pairs = [
        (project, in_force.screen_subject(subjects[project.id]), draft.screen_subject(subjects[project.id]))
        for project in batch
    ]
    await _record_changes(
        work,
        job,
        [(project, _collect_rule_ids(current), current.verdict, tried) for project, current, tried in pairs],
    )


async def _rescreen_batch(work: UnitOfWork, job: ScreeningJob, batch: Sequence[Project]) -> None:
    """Screen each project again, similar projects included, store the result and publish `project.screened` when it changed."""
    subjects = await _load_subjects(work, batch)
    ids_without_keys = await screening_repository.system_find_without_keys(
        work, [project.id for project in batch]
    )
    await screening_repository.system_replace_keys(
        work,
        [
            (project.id, project.region, project.year, compute_duplicate_keys(subjects[project.id]))
            for project in batch
            if project.id in ids_without_keys
        ],
    )
    similar = await screening_repository.system_list_similar(work, [project.id for project in batch])
    engine = await screening.get_engine_for_region(work, job.region)
    results = {
        project.id: engine.screen_subject(subjects[project.id], similar.get(project.id, ()))
        for project in batch
    }
    open_findings = await screening.list_open_findings(work, results)
    await _record_changes(
        work,
        job,
        [
            (project, {project["rule"] for project in project.findings}, project.verdict, results[project.id])
            for project in batch
        ],
    )
    screening_results, updates = [], []
    for project in batch:
        result, findings = results[project.id], open_findings[project.id]
        blocked = any(project.severity is Severity.BLOCK for project in findings)
        values = (project.id, project.region, project.year, subjects[project.id], result, len(findings))
        screening_results.append(ScreeningResult(*values, new_text=False))
        updates.append(_build_project_update(work, project, result, blocked=blocked))
        await _publish_screened(work, project, result, blocked=blocked)
    await repository.system_update_projects(work, updates)
    await screening.record_screenings(work, screening_results, ScreeningOccasion.RESCREEN)


async def _publish_screened(work: UnitOfWork, project: Project, result: Screening, *, blocked: bool) -> None:
    if blocked == project.blocked and result.verdict == project.verdict:
        return
    event = ProjectScreened(
        project_id=project.id,
        verdict=result.verdict,
        blocked=blocked,
        rules_version=result.rules_version,
    )
    await log_event(work, project, event, before={"verdict": project.verdict, "blocked": project.blocked})


def _build_project_update(
    work: UnitOfWork, project: Project, result: Screening, *, blocked: bool
) -> dict[str, Any]:
    return {
        "project_id": project.id,
        "new_screened_at": work.at,
        "new_verdict": result.verdict,
        "new_findings": [screening.serialize_finding(finding, project.id) for finding in result.findings],
        "new_rules_version": result.rules_version,
        "new_blocked": blocked,
    }


def _collect_rule_ids(result: Screening) -> set[str]:
    return {finding.rule for finding in result.findings}


async def _record_changes(
    work: UnitOfWork, job: ScreeningJob, comparisons: Sequence[tuple[Project, set[str], str, Screening]]
) -> None:
    """Add the verdicts to the job's counts and store the projects whose result differs from before."""
    verdicts = dict(job.verdicts)
    rows = []
    for project, previous_rules, previous_verdict, result in comparisons:
        current_rules = _collect_rule_ids(result)
        verdicts[result.verdict] = verdicts.get(result.verdict, 0) + 1
        if previous_rules != current_rules or previous_verdict != result.verdict:
            rows.append(
                {
                    "id": new_id(),
                    "job_id": job.id,
                    "project_id": project.id,
                    "region": project.region,
                    "name": project.name,
                    "was": str(previous_verdict),
                    "now": str(result.verdict),
                    "appeared": sorted(current_rules - previous_rules),
                    "gone": sorted(previous_rules - current_rules),
                }
            )
    job.verdicts, job.changed = verdicts, job.changed + len(rows)
    await repository.system_insert_job_changes(work, rows)


async def store_built_in_rules(context: ServiceContext) -> None:
    """Store the rules of this release at startup, so that every digest in a stored screening can be resolved."""
    rules, words = screening.read_built_in_source()
    try:
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            if await repository.system_has_digest(work, screening.load_built_in_rules().version):
                return
            session.add(
                RuleSetRow(
                    id=new_id(),
                    region=NATION_CODE,
                    created_at=work.at,
                    created_by=work.actor.id,
                    updated_at=work.at,
                    number=await repository.get_next_number(work, NATION_CODE),
                    title="随版本内置的筛查规则",
                    state=RuleSetState.BUILT_IN,
                    digest=screening.load_built_in_rules().version,
                    rules=rules,
                    words=words,
                )
            )
    except Conflict:
        return  # another replica stored the same rules at the same moment


async def create_rule_set(work: UnitOfWork, body: RuleSetDraft) -> RuleSetRow:
    """Create a draft from the rules in force in a region; raise Invalid with every error and its pointer."""
    work.actor.require(May.PROJECT_RULE_MANAGE, body.region)
    base = await repository.find_active_rule_set(work, body.region)
    rules, words = (base.rules, base.words) if base else screening.read_built_in_source()
    rules, words, digest = _edit_rules(rules, words, body)
    rule_set, _ = await create_record(
        work,
        RuleSetRow,
        body,
        region=body.region,
        id=body.id,
        number=await repository.get_next_number(work, body.region),
        title=body.title,
        reason=body.reason,
        state=RuleSetState.DRAFT,
        digest=digest,
        base_digest=base.digest if base else screening.load_built_in_rules().version,
        rules=rules,
        words=words,
    )
    return rule_set


async def update_rule_set(
    work: UnitOfWork, rule_set_id: UUID, body: RuleSetChange, match: VersionMatch
) -> RuleSetRow:
    """Edit a draft; its digest changes, so earlier trials no longer count."""
    rule_set = await _get_draft(work, rule_set_id)
    match.require_version(rule_set)
    rule_set.rules, rule_set.words, rule_set.digest = _edit_rules(rule_set.rules, rule_set.words, body)
    rule_set.title, rule_set.reason = body.title or rule_set.title, body.reason or rule_set.reason
    touch_record(work, rule_set)
    return rule_set


async def start_trial(work: UnitOfWork, rule_set_id: UUID) -> ScreeningJob:
    """Start a job that compares the draft with the rules in force over the whole library; projects are not changed."""
    rule_set = await _get_draft(work, rule_set_id)
    return await start_job(
        work, ScreeningJobKind.TRIAL, rule_set.region, rule_set=rule_set, digest=rule_set.digest
    )


async def activate_rule_set(
    work: UnitOfWork, rule_set_id: UUID, body: RuleSetDecision, match: VersionMatch
) -> RuleSetActivation:
    """Activate a draft and start a re-screening; raise PreconditionMissing without a finished trial of exactly these rules."""
    rule_set = await _get_draft(work, rule_set_id)
    match.check_version(rule_set)
    if work.actor.is_same_person(rule_set.created_by):
        raise Forbidden("不能启用本人起草的规则, 须由另一人办理", "Four eyes: another person must")
    if await repository.find_finished_trial(work, rule_set.id, rule_set.digest) is None:
        detail = "启用前须用这份草稿对全库试算并看过结果"
        raise PreconditionMissing(
            detail, errors=[FieldError("no_trial", detail, "Try these rules over the library first")]
        )
    previous = await repository.find_active_rule_set(work, rule_set.region, lock=True)
    if previous is not None and previous.region == rule_set.region:
        previous.state, previous.retired_at = RuleSetState.RETIRED, work.at
        touch_record(work, previous)
    rule_set.state, rule_set.activated_at, rule_set.activated_by = RuleSetState.ACTIVE, work.at, work.actor.id
    await work.session.flush()
    await _publish_rule_set(work, rule_set, RuleSetState.DRAFT, body.reason)
    job = await start_job(
        work, ScreeningJobKind.RESCREEN, rule_set.region, rule_set=rule_set, digest=rule_set.digest
    )
    return RuleSetActivation(
        rule_set=RuleSetItem.model_validate(rule_set), job=ScreeningJobRead.model_validate(job)
    )


async def discard_rule_set(work: UnitOfWork, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetRow:
    """Discard a draft."""
    rule_set = await _get_draft(work, rule_set_id)
    rule_set.state = RuleSetState.DISCARDED
    await _publish_rule_set(work, rule_set, RuleSetState.DRAFT, body.reason)
    return rule_set


async def retire_rule_set(work: UnitOfWork, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetActivation:
    """Retire an active rule set and start a re-screening: the ancestor's rules, finally the built-in ones, apply again."""
    rule_set = await repository.get_rule_set(work, rule_set_id, lock=True)
    work.actor.require(May.PROJECT_RULE_MANAGE, rule_set.region)
    if rule_set.state is not RuleSetState.ACTIVE:
        raise Conflict(f"规则集{rule_set.state.label}", f"The rule set is {rule_set.state}")
    rule_set.state, rule_set.retired_at = RuleSetState.RETIRED, work.at
    await work.session.flush()
    await _publish_rule_set(work, rule_set, RuleSetState.ACTIVE, body.reason)
    job = await start_rescreening(work, rule_set.region)
    return RuleSetActivation(
        rule_set=RuleSetItem.model_validate(rule_set), job=ScreeningJobRead.model_validate(job)
    )


async def _publish_rule_set(work: UnitOfWork, rule_set: RuleSetRow, was: RuleSetState, reason: str) -> None:
    event = ScreeningRulesMoved(
        rule_set_id=rule_set.id, number=rule_set.number, digest=rule_set.digest, was=was, now=rule_set.state
    )
    await save_record(work, rule_set, event, before={"state": was}, reason=reason)


async def _get_draft(work: UnitOfWork, rule_set_id: UUID) -> RuleSetRow:
    rule_set = await repository.get_rule_set(work, rule_set_id, lock=True)
    work.actor.require(May.PROJECT_RULE_MANAGE, rule_set.region)
    if rule_set.state is not RuleSetState.DRAFT:
        raise Conflict(f"规则集{rule_set.state.label}, 不是草稿", f"The rule set is {rule_set.state}")
    return rule_set


def _edit_rules(
    rules: Sequence[RuleRow], words: Mapping[str, Any], body: RuleSetDraft | RuleSetChange
) -> tuple[list[RuleRow], dict[str, Any], str]:
    """Apply an edit; return the rules, the word sets and their digest."""
    replaced = {(str(rule.get("id")), str(rule.get("effective_from"))) for rule in body.put}
    unchanged = [
        rule
        for rule in rules
        if rule["id"] not in body.remove and (rule["id"], rule["effective_from"]) not in replaced
    ]
    edited_words = {
        name: patterns for name, patterns in (dict(words) | body.words).items() if patterns is not None
    }
    edited = [*unchanged, *body.put]
    if len(edited) > MAX_RULES:
        raise Invalid(f"规则不能超过 {MAX_RULES} 条", "Too many rules")
    try:
        sets = expand_word_sets(edited_words)
    except InvalidPattern as error:
        raise _build_words_error("/words", str(error)) from error
    if missing := [name for name in GRAMMAR_WORD_SETS if not sets.get(name)]:
        raise _build_words_error("/words", f"这些词组不能删去: {'、'.join(missing)}")
    try:
        return edited, edited_words, RuleSet.parse(edited, sets).version
    except InvalidRules as error:
        faults = [
            FieldError(
                "rule", rule.message, rule.message, f"/put/{rule.index - len(unchanged)}{rule.pointer}"
            )
            if rule.index >= len(unchanged)
            else FieldError("rule", f"{rule.rule}: {rule.message}", rule.message, "/words")
            for rule in error.faults[:50]
        ]
        raise Invalid("规则有误", "The rules are not valid", errors=faults) from error


def _build_words_error(pointer: str, detail: str) -> ApiError:
    return Invalid(detail, detail, errors=[FieldError("words", detail, detail, pointer)])
