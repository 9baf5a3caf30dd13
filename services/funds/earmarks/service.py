"""Earmarked amounts: registering, changing, and what of them became projects."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from services.funds.earmarks import repository
from services.funds.earmarks.models import Earmark
from services.funds.earmarks.repository import TOWN_DIGITS
from services.funds.earmarks.schemas import (
    EarmarkAmount,
    EarmarkAmountRead,
    EarmarkChange,
    EarmarkCreate,
    EarmarkedUnit,
    EarmarkMatrix,
)
from services.funds.sources import repository as sources
from shared.auth import May
from shared.china import format_yuan, parse_yuan_cell
from shared.clients.funds import EarmarkChanged
from shared.errors import BadRequest, Conflict, invalid_field
from shared.http import VersionMatch
from shared.records import create_record, save_record
from shared.unit_of_work import UnitOfWork


def store_amounts(amounts: Sequence[EarmarkAmount]) -> list[dict[str, str]]:
    """The amounts as the table stores them."""
    return [{"category": one.category, "amount": format_yuan(one.amount)} for one in amounts]


def _build_event(earmark: Earmark) -> EarmarkChanged:
    return EarmarkChanged(
        earmark_id=earmark.id, title=earmark.title, unit=earmark.unit, year=earmark.year, total=earmark.total
    )


async def create_earmark(work: UnitOfWork, body: EarmarkCreate) -> Earmark:
    """Register what a table gives to one unit; Conflict if it is registered already."""
    work.actor.require(May.PLAN_DRAFT, body.region)
    if body.source_id is not None:
        await sources.get_source(work, body.source_id)
    known = await repository.find_earmark(work, body.region, body.year, body.title, body.unit)
    if known is not None and known.id != body.id:
        raise Conflict(f"“{body.title}”中{body.unit}的额度已登记", "This amount is registered already")
    earmark, _ = await create_record(
        work,
        Earmark,
        body,
        event=_build_event,
        amounts=store_amounts(body.amounts),
        total=sum(one.amount for one in body.amounts),
        **body.model_dump(exclude={"amounts"}),
    )
    return earmark


async def update_earmark(
    work: UnitOfWork, earmark_id: UUID, body: EarmarkChange, match: VersionMatch
) -> Earmark:
    """Change the amounts or the note, with a reason."""
    earmark = await repository.get_earmark(work, earmark_id, lock=True)
    work.actor.require(May.PLAN_DRAFT, earmark.region)
    match.require_version(earmark)
    if body.amounts is not None and not body.reason.strip():
        raise invalid_field("no_reason", "更改额度须写明理由", "/reason", "A reason is needed")
    before = {"total": earmark.total, "amounts": earmark.amounts}
    if body.amounts is not None:
        earmark.amounts = store_amounts(body.amounts)
        earmark.total = sum(one.amount for one in body.amounts)
    if body.note is not None:
        earmark.note = body.note
    await save_record(work, earmark, _build_event(earmark), before=before, reason=body.reason)
    return earmark


async def build_matrix(work: UnitOfWork, region: str, year: int) -> EarmarkMatrix:
    """Sum a year's amounts by unit and category, and compare each town with what was allocated to its projects.

    BadRequest when there are more amounts than one answer adds up.
    """
    sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    current = work.context.mergers.find_current
    earmarks = await repository.list_year_earmarks(work, region, year)
    if len(earmarks) > repository.MAX_EARMARKS:
        raise BadRequest(
            "这一年的切块额度太多, 请把区划缩小到县(区)或乡镇", "Too many amounts, narrow the region"
        )
    for earmark in earmarks:
        for one in earmark.amounts:
            sums[current(earmark.region), earmark.unit][one["category"]] += parse_yuan_cell(one["amount"])
    allocated = await repository.sum_allocated_by_town(work, region, year)
    categories = sorted({category for amounts in sums.values() for category in amounts})
    units = [
        EarmarkedUnit(
            region=code,
            unit=unit,
            amounts=[
                EarmarkAmountRead(category=category, amount=format_yuan(amounts.get(category, 0)))
                for category in categories
            ],
            total=format_yuan(sum(amounts.values())),
            allocated=format_yuan(allocated.get(code[:TOWN_DIGITS], 0)) if code[6:9] != "000" else None,
        )
        for (code, unit), amounts in sorted(sums.items())
    ]
    total = format_yuan(sum(sum(amounts.values()) for amounts in sums.values()))
    return EarmarkMatrix(year=year, categories=categories, units=units, total=total)
