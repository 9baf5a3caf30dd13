"""Recording follow-up visits to households."""

from datetime import date, datetime, time
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.keeping import rhythm
from services.assets.refusals import not_now, wrong
from services.assets.register import repository as register
from services.assets.register.kinds import AssetClass
from services.assets.register.lifecycle import COUNTED
from services.assets.visits.kinds import Holding
from services.assets.visits.models import FollowUp
from shared import files
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.money import Money
from shared.permissions import May
from shared.work import CHINA, Work


class FollowUpPost(BaseModel):
    """登记回访."""

    id: UUID | None = None
    visited_on: date
    holding: Holding
    quantity: str = Field("", max_length=40, description="现有数量")
    income: Money | None = Field(None, description="当年由此增加的收入")
    needs: str = Field("", max_length=1000, description="困难和需求; 不写病史等隐私")
    photos: list[UUID] = Field([], max_length=10)


class FollowUpRead(BaseModel):
    """一次回访."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    visited_on: date
    visitor: str
    holding: Holding
    quantity: str
    income: Money | None
    needs: str
    photos: list[str]


class HouseholdVisited(AssetEvent):
    """到户资产已回访."""

    topic = "asset.followed_up"
    asset_id: UUID
    visit_id: UUID
    holding: str


async def record(work: Work, asset_id: UUID, body: FollowUpPost) -> FollowUp:
    """A visit; it counts as having seen the asset."""
    asset = await register.get(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.asset_class is not AssetClass.HOUSEHOLD:
        raise wrong(
            "not_household", "只有到户类资产需要回访; 其他资产请登记巡查", "", "Only household assets"
        )
    if asset.state not in COUNTED:
        raise not_now("not_registered", "资产不在册", "The asset is not on the register")
    if body.visited_on > work.today:
        raise wrong("in_the_future", "回访日期不能晚于今天", "/visited_on", "It lies in the future")
    photos = [str(one) for one in body.photos]
    await files.require(work, photos)
    visit, fresh = await create(
        work,
        FollowUp,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        visitor=work.actor.id,
        photos=photos,
        **body.model_dump(exclude={"id", "photos"}),
    )
    if fresh:
        seen = min(work.at, datetime.combine(body.visited_on, time(12), CHINA))
        await rhythm.seen(work, asset, seen, photo=bool(photos))
        await work.tell(
            HouseholdVisited(asset_id=asset.id, visit_id=visit.id, holding=visit.holding),
            asset,
            happened_at=seen,
        )
    return visit
