"""流速: money that lies still, is not broken down, or is spent too slowly."""

from datetime import date, timedelta

from services.funds.checking.finding import over, percent
from services.funds.watching import repository
from services.funds.watching.hits import row_of
from shared.alerts.hits import Hit, Look
from shared.alerts.kinds import Light
from shared.money import yuan


async def idle(look: Look) -> list[Hit]:
    """Money given to a project on which nothing moved for too long."""
    before = look.on - timedelta(days=look.least())
    hits = []
    for row in look.every(await repository.system_idle(look.work, before)):
        days = (look.on - row.moved_on).days
        hits.append(
            Hit(
                "allocation",
                str(row.id),
                row.region,
                row.project_name,
                f"{yuan(row.unpaid)} 元自 {row.moved_on} 起 {days} 天没有动用",
                look.light(days),
                {"未支付": yuan(row.unpaid), "已支付": yuan(row.paid), "闲置天数": str(days)},
                [row_of(row._asdict())],
            )
        )
    return hits


async def break_down(look: Look) -> list[Hit]:
    """A fund document of which something is still not distributed after the days the law gives."""
    limit = look.least()
    hits = []
    for row in look.every(
        await repository.system_sources(look.work, received_by=look.on - timedelta(days=limit + 1))
    ):
        days = (look.on - row.received_on).days
        hits.append(
            Hit(
                "source",
                str(row.id),
                row.region,
                f"{row.document_no} {row.title}"[:300],
                f"收文 {days} 天, 尚有 {yuan(row.left)} 元没有分解下达(时限 {limit} 天)",
                look.light(days - 1),
                {"到位": yuan(row.received), "未下达": yuan(row.left), "天数": str(days), "时限": str(limit)},
                [row_of(row._asdict())],
            )
        )
    return hits


def checkpoint(schedule: list[dict[str, str | int]], on: date) -> tuple[date, int] | None:
    """The last point of a dated schedule ("06-30": 50) that is over on a day, in that day's year."""
    points = [(date.fromisoformat(f"{on.year}-{one['by']}"), int(one["percent"])) for one in schedule]
    over_ = [point for point in points if point[0] < on]
    return max(over_) if over_ else None


async def slow(look: Look) -> list[Hit]:
    """A fund document whose paid share is below what the schedule wanted by now."""
    point = checkpoint(look.rule.value["schedule"], look.on)
    if point is None:
        return []
    by, wanted = point
    hits = []
    for row in look.every(await repository.system_sources(look.work, received_by=by, year=look.on.year)):
        if row.received <= 0 or row.paid * 100 >= row.received * wanted:
            continue
        share = percent(row.paid, row.received)
        far = row.paid * 100 < row.received * (wanted - int(look.rule.value["red_below"]))
        hits.append(
            Hit(
                "source",
                str(row.id),
                row.region,
                f"{row.document_no} {row.title}"[:300],
                f"支出进度 {share}%, 低于 {by} 应达到的 {wanted}%",
                Light.RED if far else Light.ORANGE,
                {
                    "到位": yuan(row.received),
                    "已支付": yuan(row.paid),
                    "支出进度%": share,
                    "应达%": str(wanted),
                },
                [row_of(row._asdict())],
            )
        )
    return hits


async def fee(look: Look) -> list[Hit]:
    """Management fees above the ceiling of their level and year."""
    hits = []
    for row in look.every(await repository.system_fees(look.work)):
        on = min(look.on, date(row.year, 12, 31))
        ceilings = (await look.work.rule("plan.management_fee", on=on, region=row.region)).value["percent"]
        ceiling = ceilings.get(row.level)
        if ceiling is None or not over(row.fee, row.allocated, ceiling):
            continue
        share = percent(row.fee, row.allocated)
        subject = f"{row.region}:{row.year}:{row.level}"
        hits.append(
            Hit(
                "year",
                subject,
                row.region,
                f"{row.year}年{row.level.label}资金项目管理费",
                f"项目管理费 {yuan(row.fee)} 元, 占 {share}%, 超过上限 {ceiling}%",
                Light.ORANGE,
                {
                    "项目管理费": yuan(row.fee),
                    "已下达": yuan(row.allocated),
                    "占比%": share,
                    "上限%": str(ceiling),
                },
                [row_of({"year": row.year, "level": row.level, "allocated": row.allocated})],
            )
        )
    return hits
