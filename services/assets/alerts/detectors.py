"""The alerts of this service: what each looks for among the assets. The rules are in rules/risks.json."""

from collections.abc import Awaitable, Callable, Collection, Sequence
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
    FindSubjects,
    LogRow,
    Subjects,
    WindowAlertRule,
    build_notice_detections,
    collect_ids,
    touched_by,
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
    find_subjects: FindSubjects,
    query: Callable[[UnitOfWork, AlertRuleT, Subjects], Awaitable[list[Detection]]],
) -> Detector[AlertRuleT]:
    """A detector whose titles begin with the title of its rule."""

    async def detect(context: DetectionContext[AlertRuleT]) -> list[Detection]:
        found = context.note_truncation(await query(context.work, context.rule.value, context.subjects))
        return [replace(one, title=f"{context.rule.title}: {one.title}") for one in found]

    return Detector(key, shape, detect, topics, find_subjects)


async def _detect_notices_entered_afterwards(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Detect public notices that were entered after their first day."""
    since = context.rule.value.get_window_start(context.on)
    rows = await notices.system_list_entered_afterwards(
        context.work, since, MAX_ROWS_PER_SCAN, context.subjects
    )
    return build_notice_detections(context, rows, "/api/v1/assets")


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
ASSET_FIELDS = ("asset_id", "into", "out_of")


async def _find_assets(_work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The assets that the events name; an event that names none is not about whether an asset has a contract."""
    return collect_ids(rows, *ASSET_FIELDS)


async def _find_contracts(work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The contracts that the events name, and those of the assets that they name."""
    found = await queries.list_contracts_of_assets(work, collect_ids(rows, *ASSET_FIELDS))
    return collect_ids(rows, "contract_id") | {str(contract_id) for contract_id in found}


async def _find_projects(work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The projects that the events name, and those that built the assets that they name."""
    found = await queries.list_projects_of_assets(work, collect_ids(rows, *ASSET_FIELDS))
    return collect_ids(rows, "project_id") | {str(project_id) for project_id in found}


async def _find_regions(_work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The villages and towns that received or distributed income."""
    return {row.region for row in rows}


async def _find_missing_assets(work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The assets that the events name, and those that the stock-takings that moved reported missing."""
    moved = [row for row in rows if row.type == CampaignMoved.topic]
    missing = await queries.list_assets_reported_missing(work, collect_ids(moved, "campaign_id"))
    return collect_ids(rows, *ASSET_FIELDS) | {str(asset_id) for asset_id in missing}


CONTRACT_TOPICS = (*ASSET_TOPICS, OperatingContractMoved.topic, OperatorMarked.topic, IncomeReceived.topic)
INCOME_TOPICS = (IncomeReceived.topic, DistributionMoved.topic)
CAMPAIGN_TOPICS = (*ASSET_TOPICS, CampaignMoved.topic, AssetCounted.topic)
# fmt: off
DETECTORS: tuple[Detector[Any], ...] = (
    _build("risk.contract_expiring", DaysAlertRule, CONTRACT_TOPICS, _find_contracts,
           lambda work, rule, subjects: queries.list_expiring_contracts(work, rule.days, subjects)),
    _build("risk.operator_gone", AlertRule, CONTRACT_TOPICS, _find_contracts,
           lambda work, _, subjects: queries.list_lost_operators(work, subjects)),
    _build("risk.rent_unpaid", DaysAlertRule, CONTRACT_TOPICS, _find_contracts,
           lambda work, rule, subjects: queries.list_unpaid_contracts(work, rule.days, subjects)),
    _build("risk.without_contract", DaysAlertRule, CONTRACT_TOPICS, _find_assets,
           lambda work, rule, subjects: queries.list_assets_without_contract(work, rule.days, subjects)),
    _build("risk.not_inspected", AlertRule, ASSET_TOPICS, touched_by(*ASSET_FIELDS),
           lambda work, _, subjects: queries.list_uninspected_assets(work, subjects)),
    _build("risk.use_overdue", AlertRule, ASSET_TOPICS, touched_by(*ASSET_FIELDS),
           lambda work, _, subjects: queries.list_overdue_uses(work, subjects)),
    _build("risk.project_without_assets", DaysAlertRule, ASSET_TOPICS, _find_projects,
           lambda work, rule, subjects: queries.list_projects_without_assets(work, rule.days, subjects)),
    _build("risk.value_differs", AlertRule, ASSET_TOPICS, _find_projects,
           lambda work, _, subjects: queries.list_value_differences(work, subjects)),
    _build("risk.asset_without_project", FirstYearRule, ASSET_TOPICS, touched_by(*ASSET_FIELDS),
           lambda work, rule, subjects: queries.list_assets_without_project(work, rule.first_year, subjects)),
    _build("risk.no_photo", DaysAlertRule, ASSET_TOPICS, touched_by(*ASSET_FIELDS),
           lambda work, rule, subjects: queries.list_assets_without_photo(work, rule.days, subjects)),
    _build("risk.seen_elsewhere", DaysAlertRule, ASSET_TOPICS, touched_by(*ASSET_FIELDS),
           lambda work, rule, subjects: queries.list_distant_inspections(work, rule.days, subjects)),
    _build("risk.without_keeper", DaysAlertRule, ASSET_TOPICS, touched_by(*ASSET_FIELDS),
           lambda work, rule, subjects: queries.list_assets_without_keeper(work, rule.days, subjects)),
    _build("risk.not_settled", DaysAlertRule, ASSET_TOPICS, touched_by(*ASSET_FIELDS),
           lambda work, rule, subjects: queries.list_stale_registrations(work, rule.days, subjects)),
    _build("risk.undistributed", DaysAlertRule, INCOME_TOPICS, _find_regions,
           lambda work, rule, subjects: queries.list_undistributed_income(work, rule.days, subjects)),
    _build("risk.missing", DaysAlertRule, CAMPAIGN_TOPICS, _find_missing_assets,
           lambda work, rule, subjects: queries.list_missing_assets(work, rule.days, subjects)),
    Detector("risk.notice_afterwards", WindowAlertRule, _detect_notices_entered_afterwards, (NoticePosted.topic,),
             touched_by("notice_id")),
)
# fmt: on
