"""How much of what was planned is built, by the last report that speaks of each quantity."""

from collections.abc import Sequence
from decimal import Decimal

from services.projects.library.models import Project
from services.projects.library.reads import Reached
from services.projects.progress.models import Progress


def reached(project: Project, reports: Sequence[Progress]) -> list[Reached]:
    """Planned and done of every quantity; `reports` the earliest first."""
    planned = {(one["name"], one["unit"]): Decimal(one["amount"]) for one in project.quantities}
    done = {
        (one["name"], one["unit"]): Decimal(one["amount"]) for report in reports for one in report.quantities
    }
    found = []
    for name, unit in dict.fromkeys([*planned, *done]):
        wanted, made = planned.get((name, unit), Decimal(0)), done.get((name, unit), Decimal(0))
        percent = int(made * 100 / wanted) if wanted else None
        found.append(Reached(name=name, unit=unit, planned=wanted, done=made, percent=percent))
    return found
