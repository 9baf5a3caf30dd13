"""Queries of split and merge: open matters of assets, links to successors."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract
from services.assets.disposals.lifecycle import DisposalState, RevivalState
from services.assets.disposals.models import Disposal, Revival
from services.assets.disposals.repository import FINAL_STATES
from services.assets.pledges.lifecycle import PledgeState
from services.assets.pledges.models import Pledge
from services.assets.repairs.lifecycle import RepairState
from services.assets.repairs.models import Repair
from services.assets.split_merge.models import AssetLink
from services.assets.transfers.lifecycle import TransferState
from services.assets.transfers.models import Transfer, TransferItem
from shared.auth import May
from shared.china import LabelledEnum
from shared.unit_of_work import UnitOfWork

OPEN_STATES: dict[str, tuple[Any, tuple[LabelledEnum, ...]]] = {
    "经营合同": (OperatingContract, (ContractState.ACTIVE,)),
    "处置": (Disposal, tuple(state for state in DisposalState if state not in FINAL_STATES)),
    "抵押": (Pledge, (PledgeState.IN_FORCE,)),
    "盘活方案": (Revival, (RevivalState.PROPOSED, RevivalState.UNDER_WAY, RevivalState.REPORTED)),
    "报修": (Repair, (RepairState.REPORTED, RepairState.ACCEPTED, RepairState.FINISHED)),
}
"""Record states that block a split or merge of their asset, by Chinese label."""


async def list_open_matters(work: UnitOfWork, asset_ids: Sequence[UUID]) -> list[tuple[UUID, str]]:
    """(asset id, Chinese label) of every open contract, disposal, plan, ticket or document of these assets."""
    matters: list[tuple[UUID, str]] = []
    for label, (table, states) in OPEN_STATES.items():
        query = select(table.asset_id).where(
            col(table.asset_id).in_(asset_ids),
            col(table.state).in_(states),
            work.actor.scope_filter(May.ASSET_READ, col(table.region)),
        )
        matters += [(asset_id, label) for asset_id in await work.session.exec(query.distinct())]
    transfers = (
        select(TransferItem.asset_id)
        .join(Transfer, col(Transfer.id) == TransferItem.transfer_id)
        .where(
            col(TransferItem.asset_id).in_(asset_ids),
            col(Transfer.state).not_in((TransferState.DONE, TransferState.CANCELLED)),
            work.actor.scope_filter(May.ASSET_READ, col(Transfer.region)),
        )
    )
    return matters + [(asset_id, "权属文书") for asset_id in await work.session.exec(transfers.distinct())]


async def list_links(work: UnitOfWork, asset_id: UUID) -> list[AssetLink]:
    """Links from and to an asset, in the caller's regions."""
    query = select(AssetLink).where(
        sa.or_(col(AssetLink.old_id) == asset_id, col(AssetLink.new_id) == asset_id),
        work.actor.scope_filter(May.ASSET_READ, col(AssetLink.region)),
    )
    return list(await work.session.exec(query))
