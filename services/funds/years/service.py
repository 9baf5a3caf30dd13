"""Close and reopen a year, report carry-overs and the land revenue share (土地出让收益)."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from services.funds.ledger import service as ledger
from services.funds.ledger.models import YearClosing
from services.funds.ledger.schemas import Figures
from services.funds.percentages import format_percent
from services.funds.sources.models import Source
from services.funds.years import repository
from services.funds.years.models import CarryOver, LandRevenue, Reopening
from services.funds.years.schemas import (
    CarriedBalance,
    ClosingCreate,
    ClosingRead,
    LandReport,
    LandRevenueWrite,
    ReopeningCreate,
    ReopeningRead,
    YearHistory,
    YearReport,
)
from shared.auth import May
from shared.clients.funds import LandRevenueRegistered, YearClosed, YearReopening
from shared.db import new_id
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.files import uploads
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork

CARRY_OVER_RULE = "year.carry_over"


def get_last_day(year: int) -> date:
    """31 December."""
    return date(year, 12, 31)


async def close_year(work: UnitOfWork, year: int, body: ClosingCreate) -> YearClosing:
    """Close a region's year: what every source held that day is kept, and its days take no entries any more.

    Conflict before the year is over or when it is closed already. The money goes on under the year of its document.
    """
    work.actor.require(May.YEAR_CLOSE, body.region)
    if work.today <= get_last_day(year):
        raise Conflict(f"{year} 年尚未结束, 不能结账", f"{year} is not over")
    if await repository.find_closing(work, body.region, year) is not None:
        raise Conflict(f"{year} 年已结账", f"{year} is closed already")
    await repository.lock_accounts(work, body.region)
    row = YearClosing(
        id=new_id(),
        region=body.region,
        year=year,
        round=len(await repository.list_closings(work, body.region, year)) + 1,
        note=body.note,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
    )
    work.session.add(row)
    await work.session.flush()
    await repository.close_accounts(work, body.region, year)
    held = await _get_year_end_figures(work, body.region, year)
    known = await repository.list_sources(work, body.region, get_last_day(year))
    await repository.insert_carry_overs(
        work,
        [
            CarryOver(
                closing_id=row.id,
                source_id=source.id,
                year=year,
                received=held[source.id].received,
                allocated=held[source.id].allocated,
                paid=held[source.id].paid,
                created_at=work.at,
            )
            for source in known
            if source.id in held
        ],
    )
    carried = sum(one.received - one.paid for one in held.values())
    await work.publish(YearClosed(closing_id=row.id, year=year, carried=carried), row, reason=body.note)
    return row


async def get_year_report(work: UnitOfWork, region: str, year: int) -> YearReport:
    """Every source's balance on the last day of a year, and whether it is to be taken back."""
    work.actor.require(May.FUND_READ, region)
    closing = await repository.find_closing(work, region, year)
    rule = await work.get_rule(CARRY_OVER_RULE, on=min(work.today, get_last_day(year)), region=region)
    if closing is None:
        held = await _get_year_end_figures(work, region, year)
    else:
        kept = await repository.get_carry_overs(work, closing.id)
        held = {source_id: _build_carry_over_figures(row) for source_id, row in kept.items()}
    known = await repository.list_sources(work, region, get_last_day(year))
    rows = [_build_carried_balance(source, held, rule, year) for source in known if source.id in held]
    return YearReport(
        region=region,
        year=year,
        closing=ClosingRead.model_validate(closing) if closing else None,
        rows=rows,
        carried=sum(row.carried for row in rows),
        to_take_back=sum(row.carried for row in rows if row.take_back),
        rule=rule.ref,
        basis=rule.basis,
    )


async def _get_year_end_figures(work: UnitOfWork, region: str, year: int) -> dict[UUID, Figures]:
    known = [one.id for one in await repository.list_sources(work, region, get_last_day(year))]
    if not known:
        return {}
    rows = await ledger.list_figures(work, ("source_id",), {"source_id": known}, get_last_day(year))
    return {group["source_id"]: figures for group, figures in rows}


def _build_carry_over_figures(row: CarryOver) -> Figures:
    return Figures.model_construct(received=row.received, allocated=row.allocated, paid=row.paid)


def _build_carried_balance(
    source: Source, held: Mapping[UUID, Figures], rule: Rule, year: int
) -> CarriedBalance:
    figures = held[source.id]
    left = figures.received - figures.paid
    since = date(source.fiscal_year + int(rule.value["years"]), 1, 1)
    return CarriedBalance(
        source_id=source.id,
        document_no=source.document_no,
        title=source.title,
        level=source.level,
        fund=source.fund,
        fiscal_year=source.fiscal_year,
        received=figures.received,
        allocated=figures.allocated,
        paid=figures.paid,
        carried=left,
        years=year - source.fiscal_year + 1,
        take_back_from=since,
        take_back=bool(left) and year >= since.year - 1,
    )


async def create_reopening(work: UnitOfWork, year: int, body: ReopeningCreate) -> Reopening:
    """Ask for a year to be reopened. Conflict when it is not closed, or a later one is.

    Invalid for a decision in the future.
    """
    work.actor.require(May.YEAR_CLOSE, body.region)
    if body.decision_on > work.today:
        detail = "文件日期不能晚于今天"
        raise Invalid(
            detail,
            "decision_on lies in the future",
            errors=[FieldError("in_the_future", detail, "", "/decision_on")],
        )
    standing = [one for one in await repository.list_closings(work, body.region) if one.reopened_at is None]
    if later := [one.year for one in standing if one.year > year]:
        raise Conflict(f"{max(later)} 年也已结账, 须先重开 {max(later)} 年", f"{max(later)} is closed too")
    closing = next((one for one in standing if one.year == year), None)
    if closing is None:
        raise Conflict(f"{year} 年没有结账, 不需要重开", f"{year} is not closed")
    if asked := await repository.list_reopenings(work, [closing.id]):
        raise Conflict(f"已申请重开, 编号 {asked[0].id}, 等待另一人确认", "Asked for already")
    if body.decision_file:
        await uploads.require_files(work, [str(body.decision_file)], "/decision_file")
    row = Reopening(
        id=new_id(),
        region=body.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        closing_id=closing.id,
        year=year,
        decision_no=body.decision_no,
        decision_on=body.decision_on,
        decision_file=str(body.decision_file or ""),
        reason=body.reason,
    )
    work.session.add(row)
    await work.session.flush()
    await work.publish(_build_reopening_event(row, "asked"), row, reason=row.reason)
    return row


def _build_reopening_event(row: Reopening, state: str) -> YearReopening:
    return YearReopening(
        reopening_id=row.id,
        closing_id=row.closing_id,
        year=row.year,
        decision_no=row.decision_no,
        state=state,
    )


async def confirm_reopening(work: UnitOfWork, reopening_id: UUID) -> Reopening:
    """Reopen the year, by another person than who asked. The closing and what it kept stay in the history."""
    row = await repository.get_reopening(work, reopening_id)
    work.actor.require(May.YEAR_CLOSE, row.region)
    if row.confirmed_by:
        raise Conflict(f"{row.year} 年已重开", f"{row.year} was reopened already")
    if row.created_by == work.actor.id:
        raise Forbidden("不能确认本人提出的重开申请, 须由另一人办理", "Four eyes: another person must")
    await repository.lock_accounts(work, row.region)
    (closing,) = [
        one for one in await repository.list_closings(work, row.region, row.year) if one.id == row.closing_id
    ]
    closing.reopened_at = work.at
    closing.version += 1
    closing.updated_at = row.updated_at = row.confirmed_at = work.at
    row.confirmed_by = work.actor.id
    row.version += 1
    work.session.add_all([closing, row])
    await work.session.flush()
    await repository.reopen_accounts(work, row.region, row.year)
    await work.publish(_build_reopening_event(row, "confirmed"), row, reason=row.reason)
    return row


async def get_year_history(work: UnitOfWork, region: str, year: int) -> YearHistory:
    """Every closing of a year and every reopening, in their order."""
    work.actor.require(May.FUND_READ, region)
    closings = await repository.list_closings(work, region, year)
    asked = await repository.list_reopenings(work, [one.id for one in closings])
    return YearHistory(
        region=region,
        year=year,
        closings=[ClosingRead.model_validate(one) for one in closings],
        reopenings=[ReopeningRead.model_validate(one) for one in asked],
    )


LAND_REVENUE_RULE = "year.land_revenue"


async def save_land_revenue(work: UnitOfWork, year: int, body: LandRevenueWrite) -> LandReport:
    """Write down what was taken in; a later figure (决算) replaces an earlier one, and the event keeps both."""
    work.actor.require(May.SOURCE_REGISTER, body.region)
    if body.counted_on > work.today:
        detail = "统计日期不能晚于今天"
        raise Invalid(
            detail,
            "counted_on lies in the future",
            errors=[FieldError("in_the_future", detail, "", "/counted_on")],
        )
    row = await repository.find_land_revenue(work, body.region, year, lock=True)
    before = {} if row is None else {"revenue": row.revenue, "document_no": row.document_no}
    if row is None:
        row = LandRevenue(
            id=new_id(),
            region=body.region,
            year=year,
            revenue=0,
            document_no="",
            counted_on=body.counted_on,
            version=0,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
        )
    row.revenue, row.document_no, row.counted_on = body.revenue, body.document_no, body.counted_on
    row.version += 1
    row.updated_at = work.at
    work.session.add(row)
    await work.session.flush()
    event = LandRevenueRegistered(year=year, revenue=row.revenue, document_no=row.document_no)
    await work.publish(event, row, before=before)
    return await get_land_report(work, body.region, year)


async def get_land_report(work: UnitOfWork, region: str, year: int) -> LandReport:
    """A year's land revenue, what of it came to the countryside by registered documents, and the share."""
    work.actor.require(May.FUND_READ, region)
    rule = await work.get_rule(LAND_REVENUE_RULE, on=min(work.today, get_last_day(year)), region=region)
    row = await repository.find_land_revenue(work, region, year)
    ids = await repository.list_land_source_ids(work, region, year)
    held = await ledger.get_figures(work, {"source_id": ids}) if ids else None
    given, paid = (held.received, held.paid) if held else (0, 0)
    floor = str(rule.value["percent"])
    revenue = row.revenue if row else None
    needed = -(
        -(revenue or 0) * _parse_hundredths(floor) // 10000
    )  # rounded up: a part of a 分 is a 分 short
    return LandReport(
        region=region,
        year=year,
        revenue=revenue,
        document_no=row.document_no if row else "",
        counted_on=row.counted_on if row else None,
        set_aside=given,
        paid=paid,
        percent=format_percent(given, revenue or 0),
        floor=floor,
        reached=None if revenue is None else given >= needed,
        short=max(0, needed - given),
        sources=ids,
        rule=rule.ref,
        basis=rule.basis,
        version=row.version if row else 0,
    )


def _parse_hundredths(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(2, "0")[:2])
