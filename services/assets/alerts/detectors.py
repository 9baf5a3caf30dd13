"""The alerts of this service: what each looks for among the assets. The rules are in rules/risks.json."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from services.assets.alerts import repository as queries
from shared.alerts.detection import (
    AlertRule,
    AlertRuleT,
    DaysAlertRule,
    Detection,
    DetectionContext,
    Detector,
)
from shared.unit_of_work import UnitOfWork


class FirstYearRule(AlertRule):
    """从哪一年起预警."""

    first_year: Annotated[int, Field(ge=1978, le=2100)] = Field(title="从哪一年形成的资产起")


def _build(
    key: str, shape: type[AlertRuleT], query: Callable[[UnitOfWork, AlertRuleT], Awaitable[list[Detection]]]
) -> Detector[AlertRuleT]:
    """A detector whose titles begin with the title of its rule."""

    async def detect(context: DetectionContext[AlertRuleT]) -> list[Detection]:
        found = context.note_truncation(await query(context.work, context.rule.value))
        return [replace(one, title=f"{context.rule.title}: {one.title}") for one in found]

    return Detector(key, shape, detect)


# fmt: off
DETECTORS: tuple[Detector[Any], ...] = (
    _build("risk.contract_expiring", DaysAlertRule, lambda work, rule: queries.list_expiring_contracts(work, rule.days)),
    _build("risk.operator_gone", AlertRule, lambda work, _: queries.list_lost_operators(work)),
    _build("risk.rent_unpaid", DaysAlertRule, lambda work, rule: queries.list_unpaid_contracts(work, rule.days)),
    _build("risk.without_contract", DaysAlertRule, lambda work, rule: queries.list_assets_without_contract(work, rule.days)),
    _build("risk.not_inspected", AlertRule, lambda work, _: queries.list_uninspected_assets(work)),
    _build("risk.use_overdue", AlertRule, lambda work, _: queries.list_overdue_uses(work)),
    _build("risk.project_without_assets", DaysAlertRule, lambda work, rule: queries.list_projects_without_assets(work, rule.days)),
    _build("risk.value_differs", AlertRule, lambda work, _: queries.list_value_differences(work)),
    _build("risk.asset_without_project", FirstYearRule, lambda work, rule: queries.list_assets_without_project(work, rule.first_year)),
    _build("risk.no_photo", DaysAlertRule, lambda work, rule: queries.list_assets_without_photo(work, rule.days)),
    _build("risk.seen_elsewhere", DaysAlertRule, lambda work, rule: queries.list_distant_inspections(work, rule.days)),
    _build("risk.without_keeper", DaysAlertRule, lambda work, rule: queries.list_assets_without_keeper(work, rule.days)),
    _build("risk.not_settled", DaysAlertRule, lambda work, rule: queries.list_stale_registrations(work, rule.days)),
    _build("risk.undistributed", DaysAlertRule, lambda work, rule: queries.list_undistributed_income(work, rule.days)),
    _build("risk.missing", DaysAlertRule, lambda work, rule: queries.list_missing_assets(work, rule.days)),
)
# fmt: on
