"""Screening the whole library in batches, each a transaction of its own: it can be watched, and goes on after a stop."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.projects.attachments import repository as attachments
from services.projects.library import screens
from services.projects.library.kinds import Document
from services.projects.library.models import Project
from services.projects.rescreening import repository
from services.projects.screening import repository as screenings
from services.projects.screening import service
from services.projects.screening.duplicates import duplicate_keys
from services.projects.screening.kinds import JobKind, JobState, Occasion
from services.projects.screening.models import Job, RuleSetRow
from services.projects.screening.schemas import Screening, ScreeningSubject, Severity
from services.projects.screening.service import Judged
from shared.contracts.projects import ProjectScreened
from shared.errors import Refusal
from shared.ids import new_id
from shared.permissions import May
from shared.work import Context, Work

BATCH = 200


async def begin(
    work: Work, kind: JobKind, region: str, *, rule_set: RuleSetRow | None = None, digest: str = ""
) -> Job:
    """A job over a region's projects; it runs in the background."""
    job = Job(
        id=new_id(),
        region=region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        kind=kind,
        state=JobState.RUNNING,
        rule_set_id=rule_set.id if rule_set else None,
        rule_set_version=digest,
        total=await repository.count(work, region),
    )
    work.session.add(job)
    await work.session.flush()
    return job


async def rescreen(work: Work, region: str) -> Job:
    """Screen a region's whole library again by the rules in force."""
    work.actor.require(May.RULE_MANAGE, region)
    digest = await screenings.system_in_force(work, region) or service.built_in().version
    return await begin(work, JobKind.RESCREEN, region, digest=digest)


async def advance(context: Context) -> bool:
    """One batch of the oldest job; False when there is nothing to do. A job that breaks ends, so that others go on."""
    try:
        return await _batch(context)
    except Refusal:
        raise
    except Exception:
        async with context.database.write() as session:
            work = context.work(session)
            if (job := await repository.system_next(work)) is not None:
                job.state, job.finished_at, job.version = JobState.FAILED, work.at, job.version + 1
                work.session.add(job)
        raise


async def _batch(context: Context) -> bool:
    async with context.database.write() as session:
        work = context.work(session)
        job = await repository.system_next(work)
        if job is None:
            return False
        trial = job.kind is JobKind.TRIAL
        batch = await repository.system_batch(work, job.region, job.position, BATCH, lock=not trial)
        if batch:
            await (_try if trial else _redo)(work, job, batch)
            job.position, job.done = batch[-1].id, job.done + len(batch)
        if len(batch) < BATCH:
            job.state, job.finished_at, job.total = JobState.DONE, work.at, job.done
        job.version += 1
        job.updated_at = work.at
        work.session.add(job)
    return True


async def _read(work: Work, batch: Sequence[Project]) -> dict[UUID, ScreeningSubject]:
    kinds = await attachments.kinds(work, [project.id for project in batch])
    return {
        project.id: screens.subject(project, minutes=Document.MINUTES in kinds[project.id])
        for project in batch
    }


async def _try(work: Work, job: Job, batch: Sequence[Project]) -> None:
    """What the draft rules say of each project, beside what those in force say; nothing of a project changes."""
    subjects = await _read(work, batch)
    draft = await service.engine_of(work, job.rule_set_version)
    in_force = await service.engine_for(work, job.region)
    pairs = [
        (project, in_force.screen(subjects[project.id]), draft.screen(subjects[project.id]))
        for project in batch
    ]
    await _note(work, job, [(project, _seen(was), was.verdict, now) for project, was, now in pairs])


async def _redo(work: Work, job: Job, batch: Sequence[Project]) -> None:
    """Screen each project anew, alike projects included, and keep it; projects judged otherwise are told."""
    subjects = await _read(work, batch)
    keyless = await screenings.system_keyless(work, [project.id for project in batch])
    await screenings.system_put_keys(
        work,
        [
            (one.id, one.region, one.year, duplicate_keys(subjects[one.id]))
            for one in batch
            if one.id in keyless
        ],
    )
    alike = await screenings.system_alike(work, [project.id for project in batch])
    engine = await service.engine_for(work, job.region)
    found = {project.id: engine.screen(subjects[project.id], alike.get(project.id, ())) for project in batch}
    left = await service.uncleared(work, found)
    await _note(
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
        judged.append(Judged(*said, new_text=False))
        rows.append(_row(work, project, result, blocked=blocked))
        await _tell(work, project, result, blocked=blocked)
    await repository.system_write(work, rows)
    await service.record(work, judged, Occasion.RESCREEN)


async def _tell(work: Work, project: Project, result: Screening, *, blocked: bool) -> None:
    if blocked == project.blocked and result.verdict == project.verdict:
        return
    event = ProjectScreened(
        project_id=project.id,
        verdict=result.verdict,
        blocked=blocked,
        rules_version=result.rules_version,
    )
    await work.tell(event, project, before={"verdict": project.verdict, "blocked": project.blocked})


def _row(work: Work, project: Project, found: Screening, *, blocked: bool) -> dict[str, Any]:
    return {
        "project_id": project.id,
        "new_screened_at": work.at,
        "new_verdict": found.verdict,
        "new_findings": [service.shown(one, project.id) for one in found.findings],
        "new_rules_version": found.rules_version,
        "new_blocked": blocked,
    }


def _seen(found: Screening) -> set[str]:
    return {one.rule for one in found.findings}


async def _note(work: Work, job: Job, judged: Sequence[tuple[Project, set[str], str, Screening]]) -> None:
    """Count the verdicts, and keep which projects are judged otherwise than before."""
    verdicts = dict(job.verdicts)
    rows = []
    for project, before, was, found in judged:
        now = _seen(found)
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
    await repository.system_add_changes(work, rows)
