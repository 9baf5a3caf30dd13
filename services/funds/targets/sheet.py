"""年度绩效表: every target of a region and year beside what the ledger says was paid."""

from typing import Any
from uuid import UUID

from services.funds.ledger import service as ledger
from services.funds.ledger.figures import Figures
from services.funds.targets import repository
from services.funds.targets.arithmetic import executed
from services.funds.targets.schemas import SheetRow, YearSheet
from shared.access import span
from shared.money import yuan
from shared.sheets import INTEGER, TEXT, WAN, Column
from shared.work import Work

MOST = 1000
COLUMNS = (
    Column("project_name", "项目名称", TEXT),
    Column("state_label", "状态", TEXT),
    Column("amount", "年度资金总额(万元)", WAN),
    Column("allocated", "已下达(万元)", WAN),
    Column("paid", "已支付(万元)", WAN),
    Column("execution", "预算执行率(%)", TEXT),
    Column("indicators", "指标数", INTEGER),
    Column("met", "完成指标数", INTEGER),
    Column("deviating", "偏差指标数", INTEGER),
    Column("monitorings", "监控次数", INTEGER),
    Column("score", "自评得分", TEXT),
)


async def year_sheet(work: Work, region: str, year: int) -> YearSheet:
    """The sheet; its sums are of the whole year, also where the rows are cut."""
    rows = await repository.sheet(work, region, year, MOST)
    counts = await repository.year_counts(work, region, year)
    of_project = {"project_id": [row.project_id for row in rows], "year": year}
    held = await ledger.positions(work, ("project_id",), of_project) if rows else []
    per: dict[UUID, Figures] = {group["project_id"]: figures for group, figures in held}
    total = await ledger.position(work, {"region": span(region), "year": year})
    return YearSheet.model_construct(
        region=region,
        year=year,
        targets=counts.targets,
        confirmed=counts.confirmed,
        published=counts.published,
        published_in_time=counts.in_time,
        amount=counts.amount,
        allocated=total.allocated,
        paid=total.paid,
        execution=yuan(executed(total.paid, total.allocated)),
        rows=[_row(row, per.get(row.project_id, Figures())) for row in rows],
    )


def _row(row: Any, figures: Figures) -> SheetRow:  # noqa: ANN401 - a row of the sheet's query
    names = ("project_id", "project_name", "region", "state", "amount", "published_on", "due_on")
    counts = ("indicators", "met", "deviating", "monitorings")
    return SheetRow.model_construct(
        target_id=row.id,
        allocated=figures.allocated,
        paid=figures.paid,
        execution=yuan(executed(figures.paid, figures.allocated)),
        score=None if row.score is None else yuan(row.score),
        **{name: getattr(row, name) for name in (*names, *counts)},
    )
