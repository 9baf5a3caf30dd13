"""Compute the summary of a region; fold deltas into totals in the background."""

from services.projects.projects.lifecycle import Stage
from services.projects.summary import models
from services.projects.summary import repository as totals
from services.projects.summary.schemas import Figures, Summary, SummaryRow
from shared.records import running_totals
from shared.unit_of_work import ServiceContext, UnitOfWork

TOTAL_KEYS = models.TOTAL_KEYS
"""What totals are kept by; importing this module is what turns the counting on."""


async def fold_totals(context: ServiceContext) -> int:
    """Fold everything there is; how many changes there were."""
    return await running_totals.apply_all_deltas(context, totals.TOTAL_SPEC)


FIGURE_NAMES = tuple(Figures.model_fields)


async def compute_summary(work: UnitOfWork, region: str, year: int | None) -> Summary:
    """Counts and money by region right below, stage and first level of category, and their sum.

    From the running totals when the caller sees the region whole, else from the projects the caller sees.
    """
    tree = (await work.get_rule("category.tree", region=region)).value
    kept = totals.sees_whole_region(work, region)
    rows = await (totals.sum_totals if kept else totals.sum_projects)(work, region, year)
    blocked = await totals.count_blocked(work, region, year)
    items = []
    for row in rows:
        code = row.head.ljust(12, "0")
        own = "&own=true" if code == region else ""
        address = f"/api/v1/projects?region={code}{own}&stage={row.stage}&category={row.category}"
        figures = {name: getattr(row, name) for name in FIGURE_NAMES if name not in {"count", "blocked"}}
        items.append(
            SummaryRow.model_construct(
                region=code,
                stage=Stage(row.stage),
                stage_label=Stage(row.stage).label,
                category=row.category,
                category_label=tree.get(row.category, {}).get("name", ""),
                rows=address + (f"&year={year}" if year is not None else ""),
                count=row.number,
                blocked=blocked.get((row.head, row.stage, row.category), 0),
                **figures,
            )
        )
    total = {name: sum(getattr(one, name) for one in items) for name in FIGURE_NAMES}
    return Summary.model_construct(
        region=region, year=year, sum=Figures.model_construct(**total), items=items
    )
