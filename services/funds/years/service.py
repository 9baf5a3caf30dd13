"""Close and reopen a year, report carry-overs and the land revenue share (土地出让收益)."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from services.funds.ledger import service as ledger
from services.funds.ledger.models import YearClosing
from services.funds.ledger.repository import LedgerPeriod
from services.funds.ledger.schemas import LedgerFigures
from services.funds.percentages import format_percent, parse_hundredths
from services.funds.policy import CARRY_OVER, LAND_REVENUE, CarryOverRule
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
from shared.records import insert_record, save_record, touch_record
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork


def get_last_day(year: int) -> date:
    """31 December of a year."""
    return date(year, 12, 31)


async def close_year(work: UnitOfWork, year: int, body: ClosingCreate) -> YearClosing:
    """Close a region's year: store the balance of every source on its last day and reject later entries in that year.

    Conflict before the year is over or if it is closed already. The money stays under the fiscal year of its document.
    """
    work.actor.require(May.YEAR_CLOSE, body.region)
    if work.today <= get_last_day(year):
        raise Conflict(f"{year} 年尚未结束, 不能结账", f"{year} is not over")
    if await repository.find_closing(work, body.region, year) is not None:
        raise Conflict(f"{year} 年已结账", f"{year} is closed already")
    await repository.lock_accounts(work, body.region)
    closing = YearClosing(
        id=new_id(),
        region=body.region,
        year=year,
        round=len(await repository.list_closings(work, body.region, year)) + 1,
        note=body.note,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
    )
    await repository.close_accounts(work, body.region, year)
    figures_by_source = await _get_year_end_figures(work, body.region, year)
    source_list = await repository.list_sources(work, body.region, get_last_day(year))
    carried = sum(figures.received - figures.paid for figures in figures_by_source.values())
    event = YearClosed(closing_id=closing.id, year=year, carried=carried)
    await insert_record(work, closing, event, reason=body.note)
    await repository.insert_carry_overs(
        work,
        [
            CarryOver(
                closing_id=closing.id,
                source_id=source.id,
                year=year,
                received=figures_by_source[source.id].received,
                allocated=figures_by_source[source.id].allocated,
                paid=figures_by_source[source.id].paid,
                created_at=work.at,
            )
            for source in source_list
            if source.id in figures_by_source
        ],
    )
    return closing


async def get_year_report(work: UnitOfWork, region: str, year: int) -> YearReport:
    """Balance of every source on the last day of a year, and whether it must be taken back (rule year.carry_over)."""
    work.actor.require(May.FUND_READ, region)
    closing = await repository.find_closing(work, region, year)
    rule = await work.get_rule(CARRY_OVER, on=min(work.today, get_last_day(year)), region=region)
    if closing is None:
        figures_by_source = await _get_year_end_figures(work, region, year)
    else:
        carry_overs = await repository.get_carry_overs(work, closing.id)
        figures_by_source = {
            source_id: _build_carry_over_figures(row) for source_id, row in carry_overs.items()
        }
    source_list = await repository.list_sources(work, region, get_last_day(year))
    rows = [
        _build_carried_balance(source, figures_by_source, rule, year)
        for source in source_list
        if source.id in figures_by_source
    ]
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


async def _get_year_end_figures(work: UnitOfWork, region: str, year: int) -> dict[UUID, LedgerFigures]:
    source_ids = [source.id for source in await repository.list_sources(work, region, get_last_day(year))]
    if not source_ids:
        return {}
    rows = await ledger.list_figures(
        work, ("source_id",), {"source_id": source_ids}, LedgerPeriod(last=get_last_day(year))
    )
    return {group["source_id"]: figures for group, figures in rows}


def _build_carry_over_figures(row: CarryOver) -> LedgerFigures:
    return LedgerFigures.model_construct(received=row.received, allocated=row.allocated, paid=row.paid)


def _build_carried_balance(
    source: Source, figures_by_source: Mapping[UUID, LedgerFigures], rule: Rule[CarryOverRule], year: int
) -> CarriedBalance:
    figures = figures_by_source[source.id]
    carried = figures.received - figures.paid
    take_back_from = date(source.fiscal_year + rule.value.years, 1, 1)
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
        carried=carried,
        years=year - source.fiscal_year + 1,
        take_back_from=take_back_from,
        take_back=bool(carried) and year >= take_back_from.year - 1,
    )


async def create_reopening(work: UnitOfWork, year: int, body: ReopeningCreate) -> Reopening:
    """Request that a year be reopened. Conflict if it is not closed or a later year is.

    Invalid for a decision dated in the future.
    """
    work.actor.require(May.YEAR_CLOSE, body.region)
    if body.decision_on > work.today:
        detail = "文件日期不能晚于今天"
        raise Invalid(
            detail,
            "decision_on lies in the future",
            errors=[FieldError("in_the_future", detail, "", "/decision_on")],
        )
    in_force = [
        closing
        for closing in await repository.list_closings(work, body.region)
        if closing.reopened_at is None
    ]
    if later_years := [closing.year for closing in in_force if closing.year > year]:
        raise Conflict(
            f"{max(later_years)} 年也已结账, 须先重开 {max(later_years)} 年",
            f"{max(later_years)} is closed too",
        )
    closing = next((closing for closing in in_force if closing.year == year), None)
    if closing is None:
        raise Conflict(f"{year} 年没有结账, 不需要重开", f"{year} is not closed")
    if requested := await repository.list_reopenings(work, [closing.id]):
        raise Conflict(f"已申请重开, 编号 {requested[0].id}, 等待另一人确认", "Asked for already")
    if body.decision_file:
        await uploads.require_files(work, [str(body.decision_file)], "/decision_file")
    reopening = Reopening(
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
    await insert_record(work, reopening, _build_reopening_event(reopening, "asked"), reason=reopening.reason)
    return reopening


def _build_reopening_event(reopening: Reopening, state: str) -> YearReopening:
    return YearReopening(
        reopening_id=reopening.id,
        closing_id=reopening.closing_id,
        year=reopening.year,
        decision_no=reopening.decision_no,
        state=state,
    )


async def confirm_reopening(work: UnitOfWork, reopening_id: UUID) -> Reopening:
    """Reopen the year; Forbidden for the person who requested it (four eyes). The closing stays in the history."""
    reopening = await repository.get_reopening(work, reopening_id)
    work.actor.require(May.YEAR_CLOSE, reopening.region)
    if reopening.confirmed_by:
        raise Conflict(f"{reopening.year} 年已重开", f"{reopening.year} was reopened already")
    if work.actor.is_same_person(reopening.created_by):
        raise Forbidden("不能确认本人提出的重开申请, 须由另一人办理", "Four eyes: another person must")
    await repository.lock_accounts(work, reopening.region)
    (closing,) = [
        candidate
        for candidate in await repository.list_closings(work, reopening.region, reopening.year)
        if candidate.id == reopening.closing_id
    ]
    closing.reopened_at = work.at
    touch_record(work, closing)
    reopening.confirmed_at, reopening.confirmed_by = work.at, work.actor.id
    await work.session.flush()
    await repository.reopen_accounts(work, reopening.region, reopening.year)
    await save_record(
        work, reopening, _build_reopening_event(reopening, "confirmed"), reason=reopening.reason
    )
    return reopening


async def get_year_history(work: UnitOfWork, region: str, year: int) -> YearHistory:
    """List the closings and reopenings of a year in order."""
    work.actor.require(May.FUND_READ, region)
    closings = await repository.list_closings(work, region, year)
    reopenings = await repository.list_reopenings(work, [closing.id for closing in closings])
    return YearHistory(
        region=region,
        year=year,
        closings=[ClosingRead.model_validate(closing) for closing in closings],
        reopenings=[ReopeningRead.model_validate(reopening) for reopening in reopenings],
    )


async def save_land_revenue(work: UnitOfWork, year: int, body: LandRevenueWrite) -> LandReport:
    """Save the land revenue of a year; a later figure (决算) replaces an earlier one, and the event holds both."""
    work.actor.require(May.SOURCE_REGISTER, body.region)
    if body.counted_on > work.today:
        detail = "统计日期不能晚于今天"
        raise Invalid(
            detail,
            "counted_on lies in the future",
            errors=[FieldError("in_the_future", detail, "", "/counted_on")],
        )
    land_revenue = await repository.find_land_revenue(work, body.region, year, lock=True)
    previous = (
        {}
        if land_revenue is None
        else {"revenue": land_revenue.revenue, "document_no": land_revenue.document_no}
    )
    if land_revenue is None:
        land_revenue = LandRevenue(
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
    land_revenue.revenue, land_revenue.document_no, land_revenue.counted_on = (
        body.revenue,
        body.document_no,
        body.counted_on,
    )
    await work.session.flush()
    event = LandRevenueRegistered(
        year=year, revenue=land_revenue.revenue, document_no=land_revenue.document_no
    )
    await save_record(work, land_revenue, event, before=previous)
    return await get_land_report(work, body.region, year)


async def get_land_report(work: UnitOfWork, region: str, year: int) -> LandReport:
    """Land revenue of a year, the part registered as land revenue documents, and its share against the floor."""
    work.actor.require(May.FUND_READ, region)
    rule = await work.get_rule(LAND_REVENUE, on=min(work.today, get_last_day(year)), region=region)
    land_revenue = await repository.find_land_revenue(work, region, year)
    source_ids = await repository.list_land_source_ids(work, region, year)
    figures = await ledger.get_figures(work, {"source_id": source_ids}) if source_ids else None
    set_aside, paid = (figures.received, figures.paid) if figures else (0, 0)
    floor = rule.value.percent
    revenue = land_revenue.revenue if land_revenue else None
    # Rounded up, because a missing fraction of a 分 counts as one 分 short.
    required = -(-(revenue or 0) * parse_hundredths(floor) // 10000)
    return LandReport(
        region=region,
        year=year,
        revenue=revenue,
        document_no=land_revenue.document_no if land_revenue else "",
        counted_on=land_revenue.counted_on if land_revenue else None,
        set_aside=set_aside,
        paid=paid,
        percent=format_percent(set_aside, revenue or 0),
        floor=floor,
        reached=None if revenue is None else set_aside >= required,
        short=max(0, required - set_aside),
        sources=source_ids,
        rule=rule.ref,
        basis=rule.basis,
        version=land_revenue.version if land_revenue else 0,
    )
