"""Build and render the announcements of a plan: allocation, targets, completion."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.funds.commitments import service as commitments
from services.funds.disclosure import repository
from services.funds.disclosure.schemas import (
    Announcement,
    AnnouncementForm,
    AnnouncementPage,
    AnnouncementSubject,
)
from services.funds.ledger import service as ledger
from services.funds.ledger.schemas import LedgerFigures
from services.funds.percentages import format_percent
from services.funds.plans import repository as plans
from services.funds.plans import service as plan_service
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan, PlanLine
from services.funds.targets import repository as target_queries
from shared.china import format_wan
from shared.errors import Conflict
from shared.notices import repository as notices
from shared.notices.schemas import NoticeLevel
from shared.unit_of_work import UnitOfWork


async def get_announcement(work: UnitOfWork, plan_id: UUID, subject: AnnouncementSubject) -> Announcement:
    """Build an announcement of a plan; Conflict for its completion before the plan is issued."""
    plan = await plans.get_plan(work, plan_id)
    lines = await plans.list_lines(work, plan.id)
    match subject:
        case AnnouncementSubject.ALLOCATION:
            return Announcement(
                title=plan.title, content=await plan_service.get_announcement_content(work, plan, lines)
            )
        case AnnouncementSubject.TARGET:
            return Announcement(
                title=f"{plan.title}绩效目标公告", content=await _build_target_content(work, plan, lines)
            )
        case AnnouncementSubject.COMPLETION:
            if plan.state is not PlanState.ISSUED:
                raise Conflict(f"方案{plan.state.label}, 还没有资金使用情况", f"The plan is {plan.state}")
            content = await _build_completion_content(work, plan, lines)
            return Announcement(title=f"{plan.title}资金使用情况公告", content=content)


async def render_announcement(
    work: UnitOfWork, plan_id: UUID, subject: AnnouncementSubject, form: AnnouncementForm
) -> bytes:
    """Render an announcement as HTML, DOCX or PDF."""
    announcement = await get_announcement(work, plan_id, subject)
    content = (
        announcement.content
        if "totals" in announcement.content
        else {**announcement.content, "totals": _build_totals(announcement.content)}
    )
    period = await _get_notice_period(work, plan_id) if subject is AnnouncementSubject.ALLOCATION else ""
    return await asyncio.to_thread(_draw_announcement, form, subject, announcement.title, content, period)


def _draw_announcement(
    form: AnnouncementForm,
    subject: AnnouncementSubject,
    title: str,
    content: Mapping[str, Any],
    period: str,
) -> bytes:
    from services.funds.disclosure import document, exporter  # docx and reportlab take 35 MB

    renderers: Mapping[AnnouncementForm, Callable[[AnnouncementPage], bytes]] = {
        AnnouncementForm.HTML: exporter.render_html,
        AnnouncementForm.DOCX: document.render_docx,
        AnnouncementForm.PDF: exporter.render_pdf,
    }
    return renderers[form](document.build_page(subject, title, content, period))


def _build_totals(content: Mapping[str, Any]) -> dict[str, str]:
    return {"amount_wan": content["total_wan"]}


async def _get_notice_period(work: UnitOfWork, plan_id: UUID) -> str:
    rows = await notices.list_by_subject(work, plan_service.NOTICE_SUBJECT_KIND, str(plan_id))
    posted = [row for row in rows if row.level == NoticeLevel.ALLOCATION and row.withdrawn_at is None]
    return f"{posted[-1].starts_on} 至 {posted[-1].ends_on}" if posted else ""


async def _build_target_content(work: UnitOfWork, plan: Plan, lines: Sequence[PlanLine]) -> dict[str, Any]:
    """Content of the targets: decided targets with their indicators, else the text of the plan line."""
    content = await plan_service.get_announcement_content(work, plan, lines)
    summary = {
        key: content[key] for key in ("year", "batch", "decision", "total", "total_wan", "count", "hotline")
    }
    decided = await _describe_decided_targets(work, plan)
    names = ("position", "name", "amount", "amount_wan", "unit", "target")
    rows = []
    for line, announced in zip(lines, content["lines"], strict=True):
        row = {name: announced[name] for name in names}
        rows.append(row | {"target": decided.get(line.project_id) or row["target"]})
    return {**summary, "lines": rows}


async def _describe_decided_targets(work: UnitOfWork, plan: Plan) -> dict[UUID, str]:
    targets = await repository.list_decided_targets(work, plan.id)
    rows = await target_queries.list_indicators(work, [target.id for target in targets])
    descriptions: dict[UUID, str] = {}
    for target in targets:
        parts = [target.goal.strip()] if target.goal.strip() else []
        parts += [
            f"{row.name}{row.operator.label}{row.value}{row.unit}"
            for row in rows
            if row.target_id == target.id
        ]
        descriptions[target.project_id] = "; ".join(parts)
    return descriptions


async def _build_completion_content(
    work: UnitOfWork, plan: Plan, lines: Sequence[PlanLine]
) -> dict[str, Any]:
    funded = [line for line in lines if line.amount > 0]
    rows = await ledger.list_figures(
        work, ("allocation_id",), {"allocation_id": [line.id for line in funded]}
    )
    figures_by_line = {group["allocation_id"]: figures for group, figures in rows}
    snapshots = await commitments.get_cached_projects(work, [line.project_id for line in funded])
    content = await plan_service.get_announcement_content(work, plan, lines)
    rows_shown = []
    for line in funded:
        figures, snapshot = figures_by_line.get(line.id, LedgerFigures()), snapshots.get(line.project_id)
        physical = snapshot.physical_percent if snapshot else None
        rows_shown.append(
            {
                "position": line.position,
                "name": line.name,
                "place": line.place,
                "allocated_wan": format_wan(figures.allocated, 0),
                "paid_wan": format_wan(figures.paid, 0),
                "paid_percent": f"{format_percent(figures.paid, figures.allocated)}%",
                "physical_percent": "" if physical is None else f"{physical}%",
                "unit": line.unit,
            }
        )
    allocated, paid = (
        sum(getattr(line_figures, name) for line_figures in figures_by_line.values())
        for name in ("allocated", "paid")
    )
    totals = {"allocated_wan": format_wan(allocated, 0), "paid_wan": format_wan(paid, 0)}
    summary = {key: content[key] for key in ("year", "batch", "sources", "hotline")}
    return {**summary, "as_of": str(work.today), "totals": totals, "lines": rows_shown}
