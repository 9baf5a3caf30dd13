"""Asking the screening engine about a project, and what its findings mean for the project."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from services.projects.attachments import repository as attachments
from services.projects.library.kinds import Document
from services.projects.library.models import Project
from services.projects.screening.engine import screen
from services.projects.screening.rules import RuleSet
from services.projects.screening.schemas import Finding, Screening, ScreeningSubject, Severity
from shared.errors import Fault
from shared.work import Work

FOLDER = Path(__file__).parent.parent / "rules" / "screening"


@lru_cache(maxsize=1)
def _rules() -> RuleSet:
    return RuleSet.load(FOLDER)


@lru_cache(maxsize=8)
def _on(day: str) -> RuleSet:
    return _rules().on(date.fromisoformat(day))


def subject(project: Project, *, minutes: bool) -> ScreeningSubject:
    """The project as the engine reads it, readiness included."""
    return ScreeningSubject(
        name=project.name,
        content=project.content,
        category=project.category,
        amount=None,
        year=project.year,
        region=project.region,
        location=project.place,
        land=project.land,
        design=project.design,
        environment=project.environment,
        budget=project.budget,
        operator=project.operator or None,
        linkage=project.linkage or None,
        minutes=minutes,
    ).model_copy(update={"amount": project.total})


async def ask(work: Work, project: Project) -> Screening:
    """What the rules in force today find."""
    kinds = (await attachments.kinds(work, [project.id]))[project.id]
    return screen(subject(project, minutes=Document.MINUTES in kinds), _on(work.today.isoformat()))


def judge(work: Work, project: Project, given: Mapping[str, Any], *, minutes: bool) -> Screening:
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
    return screen(asked, _on(work.today.isoformat()))


def faults(found: Screening) -> tuple[Fault, ...]:
    """Findings that stop admission."""
    return tuple(_fault(one) for one in found.findings if one.severity is Severity.BLOCK)


def _fault(one: Finding) -> Fault:
    words = "、".join(match.text for match in one.matches)
    detail = f"筛查: {one.item}" + (f"({words})" if words else "") + f", {one.advice}"
    return Fault(f"screening_{one.severity}", detail, f"Screening: {one.rule}")


def keep(work: Work, project: Project, found: Screening) -> None:
    """Write the findings into the project."""
    project.screened_at = work.at
    project.verdict = found.verdict
    project.findings = [one.model_dump(mode="json") for one in found.findings]
    project.rules_version = found.rules_version
    project.blocked = bool(faults(found))
    work.session.add(project)
