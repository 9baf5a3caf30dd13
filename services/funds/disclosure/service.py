"""Announcements of a plan: how money is allocated, what it is to achieve, what became of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.funds.checking.finding import percent
from services.funds.commitments import service as commitments
from services.funds.disclosure import repository
from services.funds.disclosure.docx import docx
from services.funds.disclosure.html import html
from services.funds.disclosure.kinds import Form, Subject
from services.funds.disclosure.layout import laid_out
from services.funds.disclosure.pdf import pdf
from services.funds.disclosure.schemas import Announcement, Page
from services.funds.ledger import service as ledger
from services.funds.ledger.figures import Figures
from services.funds.plans import repository as plans
from services.funds.plans import service as planning
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan, PlanLine
from shared.errors import Conflict
from shared.money import wan
from shared.notices import repository as notices
from shared.notices.schemas import Level
from shared.work import Work

FORMS: Mapping[Form, Callable[[Page], bytes]] = {Form.HTML: html, Form.DOCX: docx, Form.PDF: pdf}


async def announcement(work: Work, plan_id: UUID, subject: Subject) -> Announcement:
    """What is announced of a plan; Conflict for its completion before it is issued."""
    plan = await plans.get(work, plan_id)
    lines = await plans.lines(work, plan.id)
    match subject:
        case Subject.ALLOCATION:
            return Announcement(title=plan.title, content=await planning.content(work, plan, lines))
        case Subject.TARGET:
            return Announcement(title=f"{plan.title}绩效目标公告", content=await _targets(work, plan, lines))
        case Subject.COMPLETION:
            if plan.state is not PlanState.ISSUED:
                raise Conflict(f"方案{plan.state.label}, 还没有资金使用情况", f"The plan is {plan.state}")
            said = await _completion(work, plan, lines)
            return Announcement(title=f"{plan.title}资金使用情况公告", content=said)


async def rendered(work: Work, plan_id: UUID, subject: Subject, form: Form) -> bytes:
    """The announcement in a form."""
    said = await announcement(work, plan_id, subject)
    content = said.content if "totals" in said.content else {**said.content, "totals": _totals(said.content)}
    period = await _period(work, plan_id) if subject is Subject.ALLOCATION else ""
    return await asyncio.to_thread(FORMS[form], laid_out(subject, said.title, content, period))


def _totals(content: Mapping[str, Any]) -> dict[str, str]:
    return {"amount_wan": content["total_wan"]}


async def _period(work: Work, plan_id: UUID) -> str:
    rows = await notices.of_subject(work, planning.KIND, str(plan_id))
    posted = [row for row in rows if row.level == Level.ALLOCATION and row.withdrawn_at is None]
    return f"{posted[-1].starts_on} 至 {posted[-1].ends_on}" if posted else ""


async def _targets(work: Work, plan: Plan, lines: Sequence[PlanLine]) -> dict[str, Any]:
    """The decided targets with their indicators; the words of the plan's line where a project has none yet."""
    content = await planning.content(work, plan, lines)
    kept = {
        key: content[key] for key in ("year", "batch", "decision", "total", "total_wan", "count", "hotline")
    }
    decided = await _decided(work, plan)
    names = ("position", "name", "amount", "amount_wan", "unit", "target")
    shown = []
    for line, said in zip(lines, content["lines"], strict=True):
        row = {name: said[name] for name in names}
        shown.append(row | {"target": decided.get(line.project_id) or row["target"]})
    return {**kept, "lines": shown}


async def _decided(work: Work, plan: Plan) -> dict[UUID, str]:
    found = await repository.targets(work, plan.id)
    rows = await repository.indicators(work, [one.id for one in found])
    said: dict[UUID, str] = {}
    for target in found:
        parts = [target.goal.strip()] if target.goal.strip() else []
        parts += [
            f"{row.name}{row.operator.label}{row.value}{row.unit}"
            for row in rows
            if row.target_id == target.id
        ]
        said[target.project_id] = "; ".join(parts)
    return said


async def _completion(work: Work, plan: Plan, lines: Sequence[PlanLine]) -> dict[str, Any]:
    given = [line for line in lines if line.amount > 0]
    rows = await ledger.positions(work, ("allocation_id",), {"allocation_id": [line.id for line in given]})
    held = {group["allocation_id"]: figures for group, figures in rows}
    cards = await commitments.cards(work, [line.project_id for line in given])
    content = await planning.content(work, plan, lines)
    shown = []
    for line in given:
        figures, card = held.get(line.id, Figures()), cards.get(line.project_id)
        physical = card.physical_percent if card else None
        shown.append(
            {
                "position": line.position,
                "name": line.name,
                "place": line.place,
                "allocated_wan": wan(figures.allocated, 0),
                "paid_wan": wan(figures.paid, 0),
                "paid_percent": f"{percent(figures.paid, figures.allocated)}%",
                "physical_percent": "" if physical is None else f"{physical}%",
                "unit": line.unit,
            }
        )
    allocated, paid = (sum(getattr(one, name) for one in held.values()) for name in ("allocated", "paid"))
    totals = {"allocated_wan": wan(allocated, 0), "paid_wan": wan(paid, 0)}
    kept = {key: content[key] for key in ("year", "batch", "sources", "hotline")}
    return {**kept, "as_of": str(work.today), "totals": totals, "lines": shown}
