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
from services.projects.screening import repository as screening
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
    """Days a project may stay in each state, and days before the limit from which it counts as near."""

    ref: str
    days: Mapping[State, int]
    near: int

    def get_late_cutoffs(self, at: datetime) -> dict[State, datetime]:
        """Return per state the time before which a project exceeds its limit."""
        return {state: at - timedelta(days=days) for state, days in self.days.items()}

    def get_near_cutoffs(self, at: datetime) -> dict[State, datetime]:
        """Return per state the time before which a project is near its limit or exceeds it."""
        return {state: at - timedelta(days=max(days - self.near, 0)) for state, days in self.days.items()}


async def _load_limits(work: UnitOfWork) -> TimeLimits:
    rule = await work.get_rule("inbox.limits")
    value: dict[str, Any] = rule.value
    days = {State(state): int(days) for state, days in value["days"].items()}
    return TimeLimits(rule.ref, days, int(value["near"]))


async def count_inbox(work: UnitOfWork) -> InboxCounts:
    """Count the projects and other items that wait for the caller."""
    limits = await _load_limits(work)
    entries = list_worklist_entries(work.actor)
    rows = {
        row.state: row
        for row in await repository.count_waiting(
            work, entries, limits.get_near_cutoffs(work.at), limits.get_late_cutoffs(work.at)
        )
    }
    items = [
        InboxCount(
            state=entry.state,
            state_label=entry.state.label,
            action=entry.action,
            action_label=entry.action.label,
            waiting=rows[entry.state].waiting,
            near=rows[entry.state].near - rows[entry.state].late,
            overdue=rows[entry.state].late,
            limit_days=limits.days.get(entry.state),
        )
        for entry in _keep_one_per_state(entries)
        if entry.state in rows
    ]
    return InboxCounts(
        waiting=sum(item.waiting for item in items),
        near=sum(item.near for item in items),
        overdue=sum(item.overdue for item in items),
        changes=await changes.count_pending_changes(work),
        unpublished=await changes.count_unpublished(work, May.PROJECT_NOTICE),
        evaluations=await evaluations.count_pending_reviews(work),
        waivers=await screening.count_pending_waivers(work),
        blocked=await repository.count_blocked(work),
        alerts=await alerts.count_open_alerts(work),
        rule=limits.ref,
        items=items,
    )


def _keep_one_per_state(entries: list[WorklistEntry]) -> list[WorklistEntry]:
    return list({entry.state: entry for entry in reversed(entries)}.values())[::-1]


async def list_inbox(
    work: UnitOfWork, params: PageParams, state: State | None, *, overdue: bool
) -> Page[InboxItem]:
    """Return the projects that wait for the caller, longest wait first."""
    limits = await _load_limits(work)
    entries = [entry for entry in list_worklist_entries(work.actor) if state in {None, entry.state}]
    late_cutoffs = limits.get_late_cutoffs(work.at) if overdue else None
    page = await repository.list_waiting(work, params, entries, late_cutoffs)
    notice_status = await list_notice_status(
        work, NOTICE_SUBJECT_KIND, [str(project.id) for project in page.items]
    )
    items = []
    for project in page.items:
        level = NOTICE_LEVEL_OF_STATE.get(project.state)
        notice = notice_status[str(project.id)].get(level) if level is not None else None
        running = notice is not None and notice.ends_on is not None and notice.ends_on >= work.today
        notice_until = notice.ends_on if notice is not None and running else None
        items.append(_build_item(work, project, _find_entry(entries, project), limits, notice_until))
    return Page[InboxItem].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)


def _find_entry(entries: list[WorklistEntry], project: Project) -> WorklistEntry:
    return [entry for entry in entries if entry.matches_project(project)][-1]


def _build_item(
    work: UnitOfWork, project: Project, entry: WorklistEntry, limits: TimeLimits, notice_until: date | None
) -> InboxItem:
    limit = limits.days.get(project.state)
    is_late = limit is not None and project.state_since < work.at - timedelta(days=limit)
    is_near = limit is not None and project.state_since < work.at - timedelta(
        days=max(limit - limits.near, 0)
    )
    due = None if limit is None else project.state_since + timedelta(days=limit)
    return InboxItem(
        **ProjectRow.model_validate(project).model_dump(),
        action=entry.action,
        action_label=entry.action.label,
        waiting_days=(work.at - project.state_since) // ONE_DAY,
        limit_days=limit,
        due_on=None if due is None else due.astimezone(CHINA_TIME_ZONE).date(),
        near=is_near and not is_late,
        overdue=is_late,
        notice_until=notice_until,
    )
