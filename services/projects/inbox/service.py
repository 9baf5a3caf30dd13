"""What waits for the caller: counted in one statement, listed with the time it has left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from services.projects.alerts import repository as alerts
from services.projects.changes import repository as changes
from services.projects.clearing import repository as clearing
from services.projects.evaluations import repository as evaluations
from services.projects.inbox import repository
from services.projects.inbox.schemas import InboxCount, InboxCounts, InboxItem
from services.projects.inbox.waits import Wait, waits
from services.projects.library.models import Project
from services.projects.library.public import KIND
from services.projects.library.reads import ProjectRow
from services.projects.library.states import State
from shared.notices.schemas import Level
from shared.notices.service import standings
from shared.pages import Asked, Page
from shared.permissions import May
from shared.work import CHINA, Work

NOTICED = {
    State.VILLAGE_NOTICE: Level.VILLAGE,
    State.TOWN_NOTICE: Level.TOWN,
    State.DISTRICT_NOTICE: Level.DISTRICT,
    State.COMPLETED: Level.COMPLETION,
}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Limits:
    """How many days each state may take, and how many days before that it is near."""

    ref: str
    days: Mapping[State, int]
    near: int

    def late(self, at: datetime) -> dict[State, datetime]:
        """Before which moment a state is over its limit."""
        return {state: at - timedelta(days=days) for state, days in self.days.items()}

    def soon(self, at: datetime) -> dict[State, datetime]:
        """Before which moment a state is near its limit or over it."""
        return {state: at - timedelta(days=max(days - self.near, 0)) for state, days in self.days.items()}


async def _limits(work: Work) -> Limits:
    rule = await work.rule("inbox.limits")
    value: dict[str, Any] = rule.value
    days = {State(state): int(days) for state, days in value["days"].items()}
    return Limits(rule.ref, days, int(value["near"]))


async def counts(work: Work) -> InboxCounts:
    """How much waits for the caller, by state."""
    limits = await _limits(work)
    mine = waits(work.actor)
    rows = {
        row.state: row
        for row in await repository.counts(work, mine, limits.soon(work.at), limits.late(work.at))
    }
    items = [
        InboxCount(
            state=wait.state,
            state_label=wait.state.label,
            action=wait.action,
            action_label=wait.action.label,
            waiting=rows[wait.state].waiting,
            near=rows[wait.state].near - rows[wait.state].late,
            overdue=rows[wait.state].late,
            limit_days=limits.days.get(wait.state),
        )
        for wait in _one_each(mine)
        if wait.state in rows
    ]
    return InboxCounts(
        waiting=sum(one.waiting for one in items),
        near=sum(one.near for one in items),
        overdue=sum(one.overdue for one in items),
        changes=await changes.waiting(work),
        unpublished=await changes.unpublished(work, May.PROJECT_NOTICE),
        evaluations=await evaluations.waiting(work),
        waivers=await clearing.asked_of(work),
        blocked=await repository.blocked(work),
        alerts=await alerts.waiting(work),
        rule=limits.ref,
        items=items,
    )


def _one_each(found: list[Wait]) -> list[Wait]:
    return list({wait.state: wait for wait in reversed(found)}.values())[::-1]


async def listed(work: Work, asked: Asked, state: State | None, *, overdue: bool) -> Page[InboxItem]:
    """What waits for the caller, the longest waiting first."""
    limits = await _limits(work)
    mine = [wait for wait in waits(work.actor) if state in {None, wait.state}]
    late = limits.late(work.at) if overdue else None
    found = await repository.listed(work, asked, mine, late)
    stand = await standings(work, KIND, [str(project.id) for project in found.items])
    items = []
    for project in found.items:
        level = NOTICED.get(project.state)
        notice = stand[str(project.id)].get(level) if level is not None else None
        running = notice is not None and notice.ends_on is not None and notice.ends_on >= work.today
        until = notice.ends_on if notice is not None and running else None
        items.append(_item(work, project, _move(mine, project), limits, until))
    return Page[InboxItem].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


def _move(mine: list[Wait], project: Project) -> Wait:
    return [wait for wait in mine if wait.fits(project)][-1]


def _item(work: Work, project: Project, wait: Wait, limits: Limits, until: date | None) -> InboxItem:
    limit = limits.days.get(project.state)
    late = limit is not None and project.state_since < work.at - timedelta(days=limit)
    near = limit is not None and project.state_since < work.at - timedelta(days=max(limit - limits.near, 0))
    due = None if limit is None else project.state_since + timedelta(days=limit)
    return InboxItem(
        **ProjectRow.model_validate(project).model_dump(),
        action=wait.action,
        action_label=wait.action.label,
        waiting_days=(work.at - project.state_since) // DAY,
        limit_days=limit,
        due_on=None if due is None else due.astimezone(CHINA).date(),
        near=near and not late,
        overdue=late,
        notice_until=until,
    )
