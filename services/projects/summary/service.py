"""A region's library in figures."""

from services.projects.library.states import Stage
from services.projects.summary import repository
from services.projects.summary.schemas import Figures, Summary, SummaryRow
from shared.work import Work

NAMES = tuple(Figures.model_fields)


async def summary(work: Work, region: str, year: int | None) -> Summary:
    """Counts and money by region right below, stage and first level of category, and their sum."""
    tree = (await work.rule("category.tree", region=region)).value
    rows = await repository.summed(work, region, year)
    items = []
    for row in rows:
        code = row.head.ljust(12, "0")
        address = f"/api/v1/projects?region={code}&stage={row.stage}&category={row.category}"
        items.append(
            SummaryRow(
                region=code,
                stage=Stage(row.stage),
                stage_label=Stage(row.stage).label,
                category=row.category,
                category_label=tree.get(row.category, {}).get("name", ""),
                rows=address + (f"&year={year}" if year is not None else ""),
                **Figures.model_validate(row).model_dump(),
            )
        )
    total = {name: sum(getattr(row, name) for row in rows) for name in NAMES}
    return Summary.model_construct(
        region=region, year=year, sum=Figures.model_construct(**total), items=items
    )
