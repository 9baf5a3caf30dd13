"""Count and list the caller's inbox with time limits; what waits comes from the worklist of the record kinds."""

from collections.abc import Mapping
from datetime import date, timedelta

from services.projects.alerts.router import ALERT_KIND
from services.projects.changes.router import CHANGE_KIND
from services.projects.evaluations.router import EVALUATION_KIND
from services.projects.inbox import repository
from services.projects.inbox.schemas import InboxCount, InboxCounts, InboxItem
from services.projects.policy import INBOX_LIMITS
from services.projects.projects.guards import has_town
from services.projects.projects.lifecycle import Action, State
from services.projects.projects.models import NOTICE_SUBJECT_KIND, Project
from services.projects.projects.router import PROJECT_KIND
from services.projects.projects.schemas import ProjectRow
from services.projects.screening.router import CLEARANCE_KIND
from shared.http import Page, PageParams
from shared.notices.schemas import NoticeLevel
from shared.notices.service import list_notice_status
from shared.records import RecordKind, TimeLimits, WorklistItem, count_items, list_items, load_limits
from shared.records.worklist import ItemCount
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOTICE_LEVEL_OF_STATE = {
    State.VILLAGE_NOTICE: NoticeLevel.VILLAGE,
    State.TOWN_NOTICE: NoticeLevel.TOWN,
    State.DISTRICT_NOTICE: NoticeLevel.DISTRICT,
    State.COMPLETED: NoticeLevel.COMPLETION,
}
ONE_DAY = timedelta(days=1)
COUNTED_KINDS = (PROJECT_KIND, CHANGE_KIND, EVALUATION_KIND, CLEARANCE_KIND, ALERT_KIND)


async def count_inbox(work: UnitOfWork) -> InboxCounts:
    """Count the projects and other items that wait for the caller."""
    limits = await load_limits(work, INBOX_LIMITS)
    found = await list_items(work, COUNTED_KINDS)
    counts = await count_items(work, found)
    items = [
        _build_count(item, counts[item.key], limits)
        for item in found
        if item.kind is PROJECT_KIND and item.state and item.key in counts
    ]
    return InboxCounts(
        waiting=sum(item.waiting for item in items),
        near=sum(item.near for item in items),
        overdue=sum(item.overdue for item in items),
        changes=_get_count(counts, CHANGE_KIND, "state.submitted"),
        unpublished=_get_count(counts, CHANGE_KIND, "unpublished.true"),
        evaluations=_get_count(counts, EVALUATION_KIND, "state.submitted"),
        waivers=_get_count(counts, CLEARANCE_KIND, "state.asked"),
        blocked=_get_count(counts, PROJECT_KIND, "blocked.true"),
        alerts=_get_count(counts, ALERT_KIND, "state.open"),
        rule=limits.ref,
        items=items,
    )


def _get_count(counts: Mapping[str, ItemCount], kind: RecordKind, key: str) -> int:
    found = counts.get(kind.item_key(key))
    return 0 if found is None else found.count


def _build_count(item: WorklistItem, counted: ItemCount, limits: TimeLimits) -> InboxCount:
    state, action = State(item.state), Action(item.actions[0])
    return InboxCount(
        state=state,
        state_label=state.label,
        action=action,
        action_label=action.label,
        waiting=counted.count,
        near=counted.near,
        overdue=counted.late,
        limit_days=limits.days.get(state),
    )


async def list_inbox(
    work: UnitOfWork, params: PageParams, state: State | None, *, overdue: bool
) -> Page[InboxItem]:
    """Return the projects that wait for the caller, longest wait first."""
    limits = await load_limits(work, INBOX_LIMITS)
    items = [
        item
        for item in await list_items(work, (PROJECT_KIND,))
        if item.state and (state is None or item.state == state)
    ]
    page = await repository.list_waiting(work, params, items, overdue=overdue)
    notice_status = await list_notice_status(
        work, NOTICE_SUBJECT_KIND, [str(project.id) for project in page.items]
    )
    rows = []
    for project in page.items:
        level = NOTICE_LEVEL_OF_STATE.get(project.state)
        notice = notice_status[str(project.id)].get(level) if level is not None else None
        running = notice is not None and notice.ends_on is not None and notice.ends_on >= work.today
        notice_until = notice.ends_on if notice is not None and running else None
        rows.append(_build_item(work, project, _find_action(items, project), limits, notice_until))
    return Page[InboxItem].model_construct(items=rows, next_cursor=page.next_cursor, total=page.total)


def _find_action(items: list[WorklistItem], project: Project) -> Action:
    """The move a project waits for; a project with a town is forwarded, one of the county is submitted."""
    actions = [Action(one) for item in items if item.state == project.state for one in item.actions]
    return next(one for one in actions if one is not Action.FORWARD or has_town(project.region))


def _build_item(
    work: UnitOfWork, project: Project, action: Action, limits: TimeLimits, notice_until: date | None
) -> InboxItem:
    limit = limits.days.get(project.state)
    is_late = limit is not None and project.state_since < work.at - timedelta(days=limit)
    is_near = limit is not None and project.state_since < work.at - timedelta(
        days=max(limit - limits.near, 0)
    )
    due = None if limit is None else project.state_since + timedelta(days=limit)
    return InboxItem(
        **ProjectRow.model_validate(project).model_dump(),
        action=action,
        action_label=action.label,
        waiting_days=(work.at - project.state_since) // ONE_DAY,
        limit_days=limit,
        due_on=None if due is None else due.astimezone(CHINA_TIME_ZONE).date(),
        near=is_near and not is_late,
        overdue=is_late,
        notice_until=notice_until,
    )
