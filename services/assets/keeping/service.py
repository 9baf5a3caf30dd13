"""Naming keepers and listing duties."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import col

from services.assets.keeping import repository
from services.assets.keeping.models import Keeper
from services.assets.keeping.schemas import KeeperPost
from services.assets.refusals import not_now, wrong
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED
from services.assets.register.models import Asset
from services.assets.scoped import repository as scoped
from shared import sheets
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.ids import new_id
from shared.permissions import May
from shared.personal import mask_phone
from shared.sheets import Column
from shared.work import Work


class KeeperNamed(AssetEvent):
    """管护责任人已指定."""

    topic = "asset.keeper_named"
    asset_id: UUID
    keeper_id: UUID
    welfare_post: bool


class PhoneRevealed(AssetEvent):
    """有人查看了完整电话."""

    topic = "asset.phone_revealed"
    asset_id: UUID
    record_id: UUID


async def name(work: Work, asset_id: UUID, body: KeeperPost) -> Keeper:
    """A new keeper; the earlier one's duty ends the day before."""
    asset = await register.get(work, asset_id, lock=True)
    work.actor.require(May.ASSET_KEEP, asset.region)
    if asset.state not in COUNTED:
        raise not_now("not_registered", "资产未登记, 不能指定管护责任人", "The asset is not on the register")
    known = await scoped.some(work, Keeper, col(Keeper.id) == body.id) if body.id else []
    earlier = None if known else await repository.present(work, asset.id)
    if earlier is not None:
        if body.starts_on <= earlier.starts_on:
            raise wrong(
                "before", f"须晚于现责任人的起始日 {earlier.starts_on}", "/starts_on", "It begins too early"
            )
        earlier.ends_on = body.starts_on - timedelta(days=1)
        earlier.version += 1
        work.session.add(earlier)
        await work.session.flush()
    keeper_id = body.id or new_id()
    sealed = work.context.keyring.seal(body.phone, about=f"keeper:{keeper_id}:phone") if body.phone else ""
    keeper, fresh = await create(
        work,
        Keeper,
        body,
        region=asset.region,
        id=keeper_id,
        asset_id=asset.id,
        phone_sealed=sealed,
        phone_masked=mask_phone(body.phone) if body.phone else "",
        **body.model_dump(exclude={"id", "phone"}),
    )
    if fresh:
        asset.keeper_unit, asset.keeper_name = keeper.unit, keeper.name
        asset.version += 1
        work.session.add(asset)
        event = KeeperNamed(asset_id=asset.id, keeper_id=keeper.id, welfare_post=keeper.welfare_post)
        await work.tell(event, asset)
    return keeper


async def carry_over(work: Work, old: Asset, new: Asset) -> None:
    """Who keeps an asset now keeps what became of it."""
    known = await repository.present(work, old.id)
    if known is None:
        return
    keyring, keeper_id = work.context.keyring, new_id()
    sealed = known.phone_sealed and keyring.seal(
        keyring.open(known.phone_sealed, about=f"keeper:{known.id}:phone"), about=f"keeper:{keeper_id}:phone"
    )
    said = known.model_dump(include={"unit", "name", "phone_masked", "funding", "welfare_post", "duties"})
    work.session.add(
        Keeper(
            **said,
            id=keeper_id,
            region=new.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            asset_id=new.id,
            phone_sealed=sealed,
            starts_on=work.today,
        )
    )


async def keepers(work: Work, asset_id: UUID) -> list[Keeper]:
    """Everybody who kept an asset, the present one last."""
    asset = await register.get(work, asset_id)
    return await scoped.some(work, Keeper, col(Keeper.asset_id) == asset.id, order=(col(Keeper.starts_on),))


async def phone(work: Work, asset_id: UUID, keeper_id: UUID) -> str:
    """The keeper's number in clear, for those who manage keeping; that it was read is written down."""
    asset = await register.get(work, asset_id)
    work.actor.require(May.ASSET_KEEP, asset.region)
    keeper = await scoped.one(work, Keeper, keeper_id, "位管护责任人")
    if keeper.asset_id != asset.id or not keeper.phone_sealed:
        raise not_now("no_phone", "没有登记电话", "No phone is known")
    await work.tell(PhoneRevealed(asset_id=asset.id, record_id=keeper.id), asset)
    return work.context.keyring.open(keeper.phone_sealed, about=f"keeper:{keeper.id}:phone")


DUTIES = (
    Column("region", "村(镇)代码"),
    Column("code", "资产编号", width=22),
    Column("name", "资产名称", width=30),
    Column("class_label", "类别"),
    Column("address", "坐落", width=30),
    Column("owner_name", "所有权人", width=24),
    Column("keeper_unit", "管护单位", width=24),
    Column("keeper_name", "管护责任人"),
    Column("use_label", "使用状态"),
    Column("inspect_due_on", "下次巡查不晚于", sheets.DAY),
)


async def duty_sheet(work: Work, region: str) -> bytes:
    """管护责任清单 of a region as a workbook (at most 5,000 assets)."""
    work.actor.require(May.ASSET_READ, region)
    assets = await register.of_region(work, region, 5000)
    rows = [
        {column.key: getattr(one, column.key, None) for column in DUTIES}
        | {"class_label": one.asset_class.label, "use_label": one.use.label}
        for one in assets
    ]
    return sheets.workbook(DUTIES, rows, name="管护责任清单")
