"""Keep the quantities of a project for sums and filters; add them up."""

from typing import Any
from urllib.parse import urlencode

from services.projects.progress import repository as progress
from services.projects.projects.models import Project
from services.projects.projects.repository import ProjectFilter
from services.projects.quantities import repository
from services.projects.quantities.calculation import compute_quantity_progress, sum_by_dimension
from services.projects.quantities.rules import QUANTITY_UNITS
from services.projects.quantities.schemas import QuantitySums
from shared.records.description import CodeRead
from shared.unit_of_work import UnitOfWork


async def store_quantities(work: UnitOfWork, project: Project, *, is_new: bool = False) -> None:
    """Store what is planned and done of a project, after its form or its reports changed; a locked project."""
    if is_new and not project.quantities:
        return
    units = (await work.get_rule(QUANTITY_UNITS, region=project.region)).value
    reports = () if is_new else await progress.list_all_reports(work, project.id)
    rows = compute_quantity_progress(units, project.quantities, reports)
    await repository.replace_quantities(work, project.id, rows, is_new=is_new)


async def compute_sums(
    work: UnitOfWork, filters: ProjectFilter, item: str, params: list[tuple[str, Any]]
) -> QuantitySums:
    """Sum the quantities of the projects of a filter; `params` are the query that opens to the same projects."""
    region = filters.region or work.home_region
    rule = await work.get_rule(QUANTITY_UNITS, region=region)
    sums = sum_by_dimension(rule.value, await repository.sum_quantities(work, filters, item))
    for one in sums.values():
        if one.units:
            one.rows = f"/api/v1/projects?{urlencode([*params, *(('unit', unit) for unit in one.units)])}"
    return QuantitySums(region=region, rule=rule.ref, sums=sums)


async def list_unit_codes(work: UnitOfWork) -> list[CodeRead]:
    """List the units of quantities as a code set."""
    units = (await work.get_rule(QUANTITY_UNITS)).value
    return [CodeRead(code=unit, label=f"{unit}({one.label})") for one in units.values() for unit in one.units]
