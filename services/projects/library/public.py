"""A project as its notices show it to anybody: what, where, how much, for whom; no names, no phones."""

from typing import Any
from uuid import UUID

from services.projects.library import repository
from services.projects.library.kinds import MoneyKind
from services.projects.library.models import Project
from services.projects.library.states import EDITABLE, REVIEWS, Stage, State
from shared.errors import Conflict
from shared.money import wan, yuan
from shared.notices.schemas import Level
from shared.notices.service import Subject
from shared.work import Work

KIND = "project"
FINISHED = frozenset({State.COMPLETED, State.ACCEPTED, State.HANDED_OVER, State.CLOSED})


def levels(state: State) -> frozenset[Level]:
    """Which notices may go up in a state."""
    if state in REVIEWS:
        return frozenset({Level.VILLAGE, Level.TOWN, Level.DISTRICT})
    if state in FINISHED:
        return frozenset({Level.COMPLETION})
    return frozenset({Level.DISTRICT})


async def load(work: Work, record_id: UUID, /, *, lock: bool) -> Subject:
    """The project for its notices; Conflict when one is about to go up and nothing was declared."""
    project = await repository.get(work, record_id, lock=lock)
    if lock and (project.state in EDITABLE or project.stage is Stage.OUT):
        raise Conflict(
            f"项目{project.state.label}, 不能公示", f"The project is {project.state}", next_step="请先申报"
        )
    return await subject(work, project)


async def subject(work: Work, project: Project) -> Subject:
    """What the public reads of a project."""
    return Subject(
        KIND,
        str(project.id),
        project.region,
        project.version,
        project.name,
        await content(work, project),
        levels(project.state),
    )


async def content(work: Work, project: Project) -> dict[str, Any]:
    """The content of a notice: strings and whole numbers only."""
    money = await repository.money(work, project.id)
    targets = await repository.targets(work, project.id)
    found: dict[str, Any] = {
        "name": project.name,
        "library_code": project.library_code or "",
        "category": project.category_label,
        "nature": project.nature.label,
        "year": project.year,
        "place": project.place,
        "content": project.content,
        "total": yuan(project.total),
        "total_wan": wan(project.total, 0),
        "money": [{"kind": MoneyKind(row.kind).label, "amount": yuan(row.amount)} for row in money],
        "managing_unit": project.managing_unit,
        "implementing_unit": project.implementing_unit,
        "planned_start": str(project.planned_start or ""),
        "planned_end": str(project.planned_end or ""),
        "households": project.households,
        "people": project.people,
        "linkage": project.linkage,
        "goal": project.goal,
        "targets": [f"{one.kind.label}: {one.name} {one.operator} {one.value}{one.unit}" for one in targets],
    }
    if project.decision_no:
        found["decision"] = f"{project.decision_no} {project.decision_on or ''}".strip()
    if project.state in FINISHED:
        found |= {"completed_on": str(project.completed_on or ""), "paid": yuan(project.paid)}
        if project.settled:
            found["settled"] = yuan(project.settled)
    return found
