"""Count and list the caller's inbox with time limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from services.projects.alerts import repository as alerts
from services.projects.changes import repository as changes
from services.projects.evaluations import repository as evaluations
from services.projects.inbox import repository
from services.projects.inbox.rules import WorklistEntry, list_worklist_entries
from services.projects.inbox.schemas import InboxCount, InboxCounts, InboxItem
from services.projects.projects.document import NOTICE_SUBJECT_KIND
from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from services.projects.projects.schemas import ProjectRow
from services.projects.screening import repository as clearing
from shared.auth import May
from shared.http import Page, PageParams
from shared.notices.schemas import NoticeLevel
from shared.notices.service import list_notice_status
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOTICE_LEVEL_OF_STATE = {
    State.VILLAGE_NOTICE: NoticeLevel.VILLAGE,
    State.TOWN_NOTICE: NoticeLevel.TOWN,
    State.DISTRICT_NOTICE: NoticeLevel.DISTRICT,
    State.COMPLETED: NoticeLevel.COMPLETION,
}
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TimeLimits:
    """How many days each state may take, and how many days before that it is near."""

    ref: str
    days: Mapping[State, int]
    near: int

    def get_late_cutoffs(self, at: datetime) -> dict[State, datetime]:
        """Before which moment a state is over its limit."""
        return {state: at - timedelta(days=days) for state, days in self.days.items()}

    def get_near_cutoffs(self, at: datetime) -> dict[State, datetime]:
        """Before which moment a state is near its limit or over it."""
        return {state: at - timedelta(days=max(days - self.near, 0)) for state, days in self.days.items()}


async def _load_limits(work: UnitOfWork) -> TimeLimits:
    rule = await work.get_rule("inbox.limits")
    value: dict[str, Any] = rule.value
    days = {State(state): int(days) for state, days in value["days"].items()}
    return TimeLimits(rule.ref, days, int(value["near"]))


async def count_inbox(work: UnitOfWork) -> InboxCounts:
    """How much waits for the caller, by state."""
    limits = await _load_limits(work)
    mine = list_worklist_entries(work.actor)
    rows = {
        row.state: row
        for row in await repository.count_waiting(
            work, mine, limits.get_near_cutoffs(work.at), limits.get_late_cutoffs(work.at)
        )
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
        for wait in _keep_one_per_state(mine)
        if wait.state in rows
    ]
    return InboxCounts(
        waiting=sum(one.waiting for one in items),
        near=sum(one.near for one in items),
        overdue=sum(one.overdue for one in items),
        changes=await changes.count_pending_changes(work),
        unpublished=await changes.count_unpublished(work, May.PROJECT_NOTICE),
        evaluations=await evaluations.count_pending_reviews(work),
        waivers=await clearing.count_pending_waivers(work),
        blocked=await repository.count_blocked(work),
        alerts=await alerts.count_open_alerts(work),
        rule=limits.ref,
        items=items,
    )


def _keep_one_per_state(found: list[WorklistEntry]) -> list[WorklistEntry]:
    return list({wait.state: wait for wait in reversed(found)}.values())[::-1]


async def list_inbox(
    work: UnitOfWork, asked: PageParams, state: State | None, *, overdue: bool
) -> Page[InboxItem]:
    """What waits for the caller, the longest waiting first."""
    limits = await _load_limits(work)
    mine = [wait for wait in list_worklist_entries(work.actor) if state in {None, wait.state}]
    late = limits.get_late_cutoffs(work.at) if overdue else None
    found = await repository.list_waiting(work, asked, mine, late)
    stand = await list_notice_status(work, NOTICE_SUBJECT_KIND, [str(project.id) for project in found.items])
    items = []
    for project in found.items:
        level = NOTICE_LEVEL_OF_STATE.get(project.state)
        notice = stand[str(project.id)].get(level) if level is not None else None
        running = notice is not None and notice.ends_on is not None and notice.ends_on >= work.today
        until = notice.ends_on if notice is not None and running else None
        items.append(_build_item(work, project, _find_entry(mine, project), limits, until))
    return Page[InboxItem].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


def _find_entry(mine: list[WorklistEntry], project: Project) -> WorklistEntry:
    return [wait for wait in mine if wait.matches_project(project)][-1]


def _build_item(
    work: UnitOfWork, project: Project, wait: WorklistEntry, limits: TimeLimits, until: date | None
) -> InboxItem:
    limit = limits.days.get(project.state)
    late = limit is not None and project.state_since < work.at - timedelta(days=limit)
    near = limit is not None and project.state_since < work.at - timedelta(days=max(limit - limits.near, 0))
    due = None if limit is None else project.state_since + timedelta(days=limit)
    return InboxItem(
        **ProjectRow.model_validate(project).model_dump(),
        action=wait.action,
        action_label=wait.action.label,
        waiting_days=(work.at - project.state_since) // ONE_DAY,
        limit_days=limit,
        due_on=None if due is None else due.astimezone(CHINA_TIME_ZONE).date(),
        near=near and not late,
        overdue=late,
        notice_until=until,
    )
