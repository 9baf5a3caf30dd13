"""Compute the summary of a region; fold deltas into totals in the background."""

from services.projects.policy import CATEGORY_TREE
from services.projects.projects.lifecycle import Stage
from services.projects.summary import repository
from services.projects.summary.schemas import CountAndAmount, ProjectsSummary, SummaryRow
from shared.china import PlaceNames
from shared.records import running_totals
from shared.unit_of_work import ServiceContext, UnitOfWork

FIGURE_NAMES = tuple(CountAndAmount.model_fields)


async def fold_totals(context: ServiceContext) -> int:
    """Fold all pending deltas into the totals; return their number."""
    return await running_totals.apply_all_deltas(context, repository.TOTAL_SPEC)


async def compute_summary(
    work: UnitOfWork, region: str, year: int | None, places: PlaceNames
) -> ProjectsSummary:
    """Compute counts and amounts per child region, stage and top-level category, and their sum.

    Reads the running totals where they are what the caller sees of the region, else sums the projects the caller may read.
    """
    tree = (await work.get_rule(CATEGORY_TREE, region=region)).value
    totals = repository.may_show_totals(work, region)
    rows = await (repository.sum_totals if totals else repository.sum_projects)(work, region, year)
    blocked = await repository.count_blocked(work, region, year)
    items = []
    for row in rows:
        code = row.head.ljust(12, "0")
        own_filter = "&own=true" if code == region else ""
        address = f"/api/v1/projects?region={code}{own_filter}&stage={row.stage}&category={row.category}"
        figures = {name: getattr(row, name) for name in FIGURE_NAMES if name not in {"count", "blocked"}}
        items.append(
            SummaryRow.model_construct(
                region=code,
                region_name=places.find_name(code),
                stage=Stage(row.stage),
                stage_label=Stage(row.stage).label,
                category=row.category,
                category_label=tree[row.category].name if row.category in tree else "",
                rows=address + (f"&year={year}" if year is not None else ""),
                count=row.number,
                blocked=blocked.get((row.head, row.stage, row.category), 0),
                **figures,
            )
        )
    total = {name: sum(getattr(item, name) for item in items) for name in FIGURE_NAMES}
    return ProjectsSummary.model_construct(
        region=region,
        year=year,
        sum=CountAndAmount.model_construct(**total),
        quantities=f"/api/v1/projects/quantities?region={region}"
        + (f"&year={year}" if year is not None else ""),
        items=items,
    )
