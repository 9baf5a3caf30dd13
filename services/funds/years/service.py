"""Closing a year, and what the rules say of money that is left: carried over once, taken back after the second year."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from services.funds.ledger import service as ledger
from services.funds.ledger.figures import Figures
from services.funds.ledger.models import YearClosing
from services.funds.sources.models import Source
from services.funds.years import repository
from services.funds.years.models import CarryOver
from services.funds.years.schemas import Carried, ClosingCreate, ClosingRead, YearReport
from shared.contracts.funds import YearClosed
from shared.errors import Conflict
from shared.ids import new_id
from shared.permissions import May
from shared.rules import Rule
from shared.work import Work

RULE = "year.carry_over"


def last_day(year: int) -> date:
    """31 December."""
    return date(year, 12, 31)


async def close(work: Work, year: int, body: ClosingCreate) -> YearClosing:
    """Close a region's year: what every source held that day is kept, and its days take no entries any more.

    Conflict before the year is over or when it is closed already. The money goes on under the year of its document.
    """
    work.actor.require(May.YEAR_CLOSE, body.region)
    if work.today <= last_day(year):
        raise Conflict(f"{year} 年尚未结束, 不能结账", f"{year} is not over")
    if await repository.closing(work, body.region, year) is not None:
        raise Conflict(f"{year} 年已结账", f"{year} is closed already")
    await repository.lock_accounts(work, body.region)
    row = YearClosing(
        id=new_id(),
        region=body.region,
        year=year,
        round=len(await repository.closings(work, body.region, year)) + 1,
        note=body.note,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
    )
    work.session.add(row)
    await work.session.flush()
    await repository.mark_closed(work, body.region, year)
    held = await _held(work, body.region, year)
    known = await repository.sources(work, body.region, last_day(year))
    await repository.keep(
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
    await work.tell(YearClosed(closing_id=row.id, year=year, carried=carried), row, reason=body.note)
    return row


async def report(work: Work, region: str, year: int) -> YearReport:
    """Every source's balance on the last day of a year, and whether it is to be taken back."""
    work.actor.require(May.FUND_READ, region)
    closing = await repository.closing(work, region, year)
    rule = await work.rule(RULE, on=min(work.today, last_day(year)), region=region)
    if closing is None:
        held = await _held(work, region, year)
    else:
        kept = await repository.frozen(work, closing.id)
        held = {source_id: _figures(row) for source_id, row in kept.items()}
    known = await repository.sources(work, region, last_day(year))
    rows = [_carried(source, held, rule, year) for source in known if source.id in held]
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


async def _held(work: Work, region: str, year: int) -> dict[UUID, Figures]:
    known = [one.id for one in await repository.sources(work, region, last_day(year))]
    if not known:
        return {}
    rows = await ledger.positions(work, ("source_id",), {"source_id": known}, last_day(year))
    return {group["source_id"]: figures for group, figures in rows}


def _figures(row: CarryOver) -> Figures:
    return Figures.model_construct(received=row.received, allocated=row.allocated, paid=row.paid)


def _carried(source: Source, held: Mapping[UUID, Figures], rule: Rule, year: int) -> Carried:
    figures = held[source.id]
    left = figures.received - figures.paid
    since = date(source.fiscal_year + int(rule.value["years"]), 1, 1)
    return Carried(
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
