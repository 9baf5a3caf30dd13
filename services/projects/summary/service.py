"""A region's library in figures."""

from services.projects.library.states import Stage
from services.projects.summary import repository
from services.projects.summary.schemas import Figures, Summary, SummaryRow
from services.projects.totals import repository as totals
from shared.work import Work

NAMES = tuple(Figures.model_fields)


async def summary(work: Work, region: str, year: int | None) -> Summary:
    """Counts and money by region right below, stage and first level of category, and their sum.

    From the running totals when the caller sees the region whole, else from the projects the caller sees.
    """
    tree = (await work.rule("category.tree", region=region)).value
    kept = totals.whole(work, region)
    rows = await (totals.figures if kept else repository.summed)(work, region, year)
    blocked = await repository.blocked(work, region, year)
    items = []
    for row in rows:
        code = row.head.ljust(12, "0")
        own = "&own=true" if code == region else ""
        address = f"/api/v1/projects?region={code}{own}&stage={row.stage}&category={row.category}"
        figures = {name: getattr(row, name) for name in NAMES if name not in {"count", "blocked"}}
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
    total = {name: sum(getattr(one, name) for one in items) for name in NAMES}
    return Summary.model_construct(
        region=region, year=year, sum=Figures.model_construct(**total), items=items
    )
