"""The alerts of this service: what each looks for among the assets. The rules are in rules/risks.json."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from services.assets.alerts import repository as queries
from services.assets.campaigns.events import AssetCounted, CampaignMoved
from services.assets.contracts.events import IncomeReceived, OperatingContractMoved, OperatorMarked
from services.assets.custody.events import AssetInspected, KeeperNamed
from services.assets.disposals.events import DisposalMoved
from services.assets.distributions.events import DistributionMoved
from services.assets.register.events import AssetChanged, AssetEntered, AssetUseChanged
from shared.alerts.detection import (
    MAX_ROWS_PER_SCAN,
    AlertRule,
    AlertRuleT,
    DaysAlertRule,
    Detection,
    DetectionContext,
    Detector,
    WindowAlertRule,
)
from shared.clients.assets import AssetMoved, AssetReshaped
from shared.notices import repository as notices
from shared.notices.service import NoticePosted
from shared.unit_of_work import UnitOfWork


class FirstYearRule(AlertRule):
    """从哪一年起预警."""

    first_year: Annotated[int, Field(ge=1978, le=2100)] = Field(title="从哪一年形成的资产起")


def _build(
    key: str,
    shape: type[AlertRuleT],
    topics: Collection[str],
    query: Callable[[UnitOfWork, AlertRuleT], Awaitable[list[Detection]]],
) -> Detector[AlertRuleT]:
    """A detector whose titles begin with the title of its rule."""

    async def detect(context: DetectionContext[AlertRuleT]) -> list[Detection]:
        found = context.note_truncation(await query(context.work, context.rule.value))
        return [replace(one, title=f"{context.rule.title}: {one.title}") for one in found]

    return Detector(key, shape, detect, topics)


async def _detect_notices_entered_afterwards(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Detect public notices that were entered after their first day."""
    since = context.rule.value.get_window_start(context.on)
    rows = await notices.system_list_entered_afterwards(context.work, since, MAX_ROWS_PER_SCAN)
    return [
        Detection(
            "notice",
            str(row.id),
            row.region,
            f"{context.rule.title}: {row.title}",
            f"公示自 {row.starts_on} 起, {row.posted_at:%Y-%m-%d} 才录入, 请核对公示栏照片",
            figures={"公示首日": str(row.starts_on), "录入": f"{row.posted_at:%Y-%m-%d}"},
            rows=[{"label": row.title, "address": f"/api/v1/assets/notices/{row.id}"}],
        )
        for row in context.note_truncation(rows)
    ]


ASSET_TOPICS = (
    AssetEntered.topic,
    AssetMoved.topic,
    AssetChanged.topic,
    AssetUseChanged.topic,
    AssetReshaped.topic,
    AssetInspected.topic,
    KeeperNamed.topic,
    DisposalMoved.topic,
)
CONTRACT_TOPICS = (*ASSET_TOPICS, OperatingContractMoved.topic, OperatorMarked.topic, IncomeReceived.topic)
INCOME_TOPICS = (IncomeReceived.topic, DistributionMoved.topic)
CAMPAIGN_TOPICS = (*ASSET_TOPICS, CampaignMoved.topic, AssetCounted.topic)
# fmt: off
DETECTORS: tuple[Detector[Any], ...] = (
    _build("risk.contract_expiring", DaysAlertRule, CONTRACT_TOPICS,
           lambda work, rule: queries.list_expiring_contracts(work, rule.days)),
    _build("risk.operator_gone", AlertRule, CONTRACT_TOPICS,
           lambda work, _: queries.list_lost_operators(work)),
    _build("risk.rent_unpaid", DaysAlertRule, CONTRACT_TOPICS,
           lambda work, rule: queries.list_unpaid_contracts(work, rule.days)),
    _build("risk.without_contract", DaysAlertRule, CONTRACT_TOPICS,
           lambda work, rule: queries.list_assets_without_contract(work, rule.days)),
    _build("risk.not_inspected", AlertRule, ASSET_TOPICS,
           lambda work, _: queries.list_uninspected_assets(work)),
    _build("risk.use_overdue", AlertRule, ASSET_TOPICS,
           lambda work, _: queries.list_overdue_uses(work)),
    _build("risk.project_without_assets", DaysAlertRule, ASSET_TOPICS,
           lambda work, rule: queries.list_projects_without_assets(work, rule.days)),
    _build("risk.value_differs", AlertRule, ASSET_TOPICS,
           lambda work, _: queries.list_value_differences(work)),
    _build("risk.asset_without_project", FirstYearRule, ASSET_TOPICS,
           lambda work, rule: queries.list_assets_without_project(work, rule.first_year)),
    _build("risk.no_photo", DaysAlertRule, ASSET_TOPICS,
           lambda work, rule: queries.list_assets_without_photo(work, rule.days)),
    _build("risk.seen_elsewhere", DaysAlertRule, ASSET_TOPICS,
           lambda work, rule: queries.list_distant_inspections(work, rule.days)),
    _build("risk.without_keeper", DaysAlertRule, ASSET_TOPICS,
           lambda work, rule: queries.list_assets_without_keeper(work, rule.days)),
    _build("risk.not_settled", DaysAlertRule, ASSET_TOPICS,
           lambda work, rule: queries.list_stale_registrations(work, rule.days)),
    _build("risk.undistributed", DaysAlertRule, INCOME_TOPICS,
           lambda work, rule: queries.list_undistributed_income(work, rule.days)),
    _build("risk.missing", DaysAlertRule, CAMPAIGN_TOPICS,
           lambda work, rule: queries.list_missing_assets(work, rule.days)),
    Detector("risk.notice_afterwards", WindowAlertRule, _detect_notices_entered_afterwards, (NoticePosted.topic,)),
)
# fmt: on
