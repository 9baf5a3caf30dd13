"""What the rules look for among the assets, and the sweep that runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from services.assets.alerts import repository
from services.assets.alerts.models import ALERTS
from services.assets.neglect import repository as neglect
from shared.alerts import sweep as alerts
from shared.alerts.hits import Hit, Look, Watch
from shared.alerts.schemas import Swept
from shared.work import Context, Work

PREFIX = "risk."
Find = Callable[[Work, dict[str, Any]], Awaitable[list[Hit]]]

# fmt: off
LOOKS: dict[str, Find] = {
    "contract_expiring":       lambda work, value: repository.expiring(work, int(value["days"])),
    "operator_gone":           lambda work, _: repository.gone_operators(work),
    "rent_unpaid":             lambda work, value: repository.unpaid(work, int(value["days"])),
    "without_contract":        lambda work, value: repository.without_contract(work, int(value["days"])),
    "not_inspected":           lambda work, _: repository.not_inspected(work),
    "use_overdue":             lambda work, _: repository.idle(work),
    "project_without_assets":  lambda work, value: repository.projects_without_assets(work, int(value["days"])),
    "value_differs":           lambda work, _: repository.value_differs(work),
    "asset_without_project":   lambda work, value: repository.without_project(work, int(value["first_year"])),
    "no_photo":                lambda work, value: neglect.without_photo(work, int(value["days"])),
    "seen_elsewhere":          lambda work, value: neglect.seen_elsewhere(work, int(value["days"])),
    "without_keeper":          lambda work, value: neglect.without_keeper(work, int(value["days"])),
    "not_settled":             lambda work, value: neglect.waiting(work, int(value["days"])),
    "undistributed":           lambda work, value: neglect.undistributed(work, int(value["days"])),
    "missing":                 lambda work, value: neglect.missing(work, int(value["days"])),
}
"""Rule → how it is looked for; whether, how strictly and how long to answer is the rule's own (rules/risks.json)."""
# fmt: on


def _watch(find: Find) -> Watch:
    async def watch(look: Look) -> list[Hit]:
        hits = look.every(await find(look.work, look.rule.value))
        return [replace(hit, title=f"{look.rule.title}: {hit.title}") for hit in hits]

    return watch


WATCHES = {name: _watch(find) for name, find in LOOKS.items()}


async def sweep(context: Context) -> Swept:
    """Let every risk rule look at the assets now."""
    return await alerts.sweep(context, ALERTS, PREFIX, WATCHES)
