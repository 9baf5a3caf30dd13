"""Planned and completed quantities of a project from its progress reports."""

from collections.abc import Sequence
from decimal import Decimal

from services.projects.progress.models import Progress
from services.projects.projects.models import Project
from services.projects.projects.schemas import QuantityProgress


def compute_quantity_progress(project: Project, reports: Sequence[Progress]) -> list[QuantityProgress]:
    """Planned and done of every quantity; `reports` the earliest first."""
    planned = {(one["name"], one["unit"]): Decimal(one["amount"]) for one in project.quantities}
    done = {
        (one["name"], one["unit"]): Decimal(one["amount"]) for report in reports for one in report.quantities
    }
    found = []
    for name, unit in dict.fromkeys([*planned, *done]):
        wanted, made = planned.get((name, unit), Decimal(0)), done.get((name, unit), Decimal(0))
        percent = int(made * 100 / wanted) if wanted else None
        found.append(QuantityProgress(name=name, unit=unit, planned=wanted, done=made, percent=percent))
    return found
