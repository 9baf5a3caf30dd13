"""Yearly sheet of performance targets (年度绩效表)."""

from typing import Any

from services.funds.targets import repository
from services.funds.targets.calculation import calculate_execution
from services.funds.targets.schemas import TargetSheetRow, YearSheet
from shared.china import format_yuan
from shared.spreadsheets import INTEGER, TEXT, WAN, Column
from shared.unit_of_work import UnitOfWork

MAX_SHEET_ROWS = 1000
SHEET_COLUMNS = (
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


async def get_year_sheet(work: UnitOfWork, region: str, year: int) -> YearSheet:
    """Build the yearly sheet: amount, allocated and paid of the same targets, summed even beyond MAX_SHEET_ROWS."""
    rows = await repository.list_sheet_rows(work, region, year, MAX_SHEET_ROWS)
    counts = await repository.count_year_targets(work, region, year)
    funds = await repository.sum_target_funds(work, region, year, [row.id for row in rows])
    funds_by_target = {row.id: (int(row.allocated), int(row.paid)) for row in funds}
    if len(rows) == MAX_SHEET_ROWS:
        funds = await repository.sum_target_funds(work, region, year)
    allocated, paid = (sum(int(getattr(row, name)) for row in funds) for name in ("allocated", "paid"))
    return YearSheet.model_construct(
        region=region,
        year=year,
        targets=counts.targets,
        confirmed=counts.confirmed,
        published=counts.published,
        published_in_time=counts.in_time,
        amount=counts.amount,
        allocated=allocated,
        paid=paid,
        execution=format_yuan(calculate_execution(paid, allocated)),
        rows=[_build_sheet_row(row, *funds_by_target.get(row.id, (0, 0))) for row in rows],
    )


def _build_sheet_row(row: Any, allocated: int, paid: int) -> TargetSheetRow:  # noqa: ANN401 - a row of the sheet's query
    names = ("project_id", "project_name", "region", "state", "amount", "published_on", "due_on")
    counts = ("indicators", "met", "deviating", "monitorings")
    return TargetSheetRow.model_construct(
        target_id=row.id,
        allocated=allocated,
        paid=paid,
        execution=format_yuan(calculate_execution(paid, allocated)),
        score=None if row.score is None else format_yuan(row.score),
        **{name: getattr(row, name) for name in (*names, *counts)},
    )
