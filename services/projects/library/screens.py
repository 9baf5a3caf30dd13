"""Asking the screening engine about a project, and what its findings mean for the project."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.projects.attachments import repository as attachments
from services.projects.library.kinds import Document
from services.projects.library.models import Project
from services.projects.screening import repository, service
from services.projects.screening.kinds import Occasion
from services.projects.screening.schemas import Finding, Screening, ScreeningSubject, Severity
from services.projects.screening.service import Judged
from shared.errors import Fault
from shared.work import Work


def subject(project: Project, *, minutes: bool) -> ScreeningSubject:
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


async def ask(work: Work, project: Project) -> Screening:
    """What the rules in force today find, alike projects included."""
    return await service.screen(work, await _read(work, project), project_id=project.id)


async def _read(work: Work, project: Project) -> ScreeningSubject:
    kinds = (await attachments.kinds(work, [project.id]))[project.id]
    return subject(project, minutes=Document.MINUTES in kinds)


async def judge(work: Work, project: Project, given: Mapping[str, Any], *, minutes: bool) -> Screening:
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
    asked = subject(project, minutes=minutes).model_copy(update={**changed, **renamed})
    return await service.screen(work, asked, project_id=project.id)


async def faults(
    work: Work, project: Project, found: Screening, *, blocks_only: bool = False
) -> tuple[Fault, ...]:
    """What stops admission: blocks not waived, review findings not confirmed.

    `blocks_only` for a change that is not yet the project's: its review findings are confirmed once it is.
    """
    left = (await service.uncleared(work, {project.id: found}))[project.id]
    return tuple(_fault(one) for one in left if not blocks_only or one.severity is Severity.BLOCK)


def _fault(one: Finding) -> Fault:
    words = "、".join(dict.fromkeys(match.text for match in one.matches))
    detail = f"筛查: {one.item}" + (f"({words})" if words else "") + f", {one.advice}"
    if one.severity is Severity.REVIEW:
        detail += "; 或由审核人确认并说明理由"
    return Fault(f"screening_{one.severity}", detail, f"Screening: {one.rule}")


async def keep(work: Work, project: Project, found: Screening, occasion: Occasion) -> None:
    """Write the findings into the project and its history of screenings."""
    left = (await service.uncleared(work, {project.id: found}))[project.id]
    write(work, project, found, left)
    work.session.add(project)
    judged = Judged(project.id, project.region, project.year, await _read(work, project), found, len(left))
    await service.record(work, [judged], occasion)


def write(work: Work, project: Project, found: Screening, left: Iterable[Finding]) -> None:
    """The project's own copy of its last screening."""
    project.screened_at = work.at
    project.verdict = found.verdict
    project.findings = [service.shown(one, project.id) for one in found.findings]
    project.rules_version = found.rules_version
    project.blocked = any(one.severity is Severity.BLOCK for one in left)


async def reckon(work: Work, project: Project) -> None:
    """Whether the project is still blocked, now that a finding was cleared or refused."""
    cleared = await repository.system_cleared(work, {one["mark"] for one in project.findings})
    project.blocked = any(_blocks(one) and one["mark"] not in cleared for one in project.findings)
    work.session.add(project)


def _blocks(finding: Mapping[str, Any]) -> bool:
    return bool(finding["severity"] == Severity.BLOCK)
