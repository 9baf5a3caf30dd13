"""土地出让收益: at least so much of it goes to the countryside, by the district's yearly work plan."""

from services.funds.checking.finding import percent
from services.funds.ledger import service as ledger
from services.funds.years import repository
from services.funds.years.models import LandRevenue
from services.funds.years.schemas import LandReport, LandRevenueWrite
from services.funds.years.service import last_day
from shared.contracts.funds import LandRevenueRegistered
from shared.errors import Fault, Invalid
from shared.ids import new_id
from shared.permissions import May
from shared.work import Work

RULE = "year.land_revenue"


async def register(work: Work, year: int, body: LandRevenueWrite) -> LandReport:
    """Write down what was taken in; a later figure (决算) replaces an earlier one, and the event keeps both."""
    work.actor.require(May.SOURCE_REGISTER, body.region)
    if body.counted_on > work.today:
        detail = "统计日期不能晚于今天"
        raise Invalid(
            detail,
            "counted_on lies in the future",
            faults=[Fault("in_the_future", detail, "", "/counted_on")],
        )
    row = await repository.land_revenue(work, body.region, year, lock=True)
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
    await work.tell(event, row, before=before)
    return await report(work, body.region, year)


async def report(work: Work, region: str, year: int) -> LandReport:
    """A year's land revenue, what of it came to the countryside by registered documents, and the share."""
    work.actor.require(May.FUND_READ, region)
    rule = await work.rule(RULE, on=min(work.today, last_day(year)), region=region)
    row = await repository.land_revenue(work, region, year)
    ids = await repository.land_sources(work, region, year)
    held = await ledger.position(work, {"source_id": ids}) if ids else None
    given, paid = (held.received, held.paid) if held else (0, 0)
    floor = str(rule.value["percent"])
    revenue = row.revenue if row else None
    needed = -(-(revenue or 0) * _hundredths(floor) // 10000)  # rounded up: a part of a 分 is a 分 short
    return LandReport(
        region=region,
        year=year,
        revenue=revenue,
        document_no=row.document_no if row else "",
        counted_on=row.counted_on if row else None,
        set_aside=given,
        paid=paid,
        percent=percent(given, revenue or 0),
        floor=floor,
        reached=None if revenue is None else given >= needed,
        short=max(0, needed - given),
        sources=ids,
        rule=rule.ref,
        basis=rule.basis,
        version=row.version if row else 0,
    )


def _hundredths(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(2, "0")[:2])
