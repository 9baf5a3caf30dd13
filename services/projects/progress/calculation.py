"""Planned and completed quantities of a project from its progress reports."""

from collections.abc import Sequence
from decimal import Decimal

from services.projects.progress.models import Progress
from services.projects.projects.models import Project
from services.projects.projects.schemas import QuantityProgress


def compute_quantity_progress(project: Project, reports: Sequence[Progress]) -> list[QuantityProgress]:
    """Compare planned and completed quantities; `reports` oldest first, later reports override earlier ones."""
    planned = {
        (quantity["name"], quantity["unit"]): Decimal(quantity["amount"]) for quantity in project.quantities
    }
    done = {
        (quantity["name"], quantity["unit"]): Decimal(quantity["amount"])
        for report in reports
        for quantity in report.quantities
    }
    rows = []
    for name, unit in dict.fromkeys([*planned, *done]):
        planned_amount, done_amount = (
            planned.get((name, unit), Decimal(0)),
            done.get((name, unit), Decimal(0)),
        )
        percent = int(done_amount * 100 / planned_amount) if planned_amount else None
        rows.append(
            QuantityProgress(name=name, unit=unit, planned=planned_amount, done=done_amount, percent=percent)
        )
    return rows
