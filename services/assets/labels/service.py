"""What a label says and where it leads."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col

from services.assets.labels import repository
from services.assets.labels.drawing import Label
from services.assets.labels.schemas import AssetCard
from services.assets.refusals import not_now
from services.assets.register.kinds import OwnerKind
from services.assets.register.models import Asset
from services.assets.scoped import repository as scoped
from shared.errors import NotFound
from shared.money import yuan
from shared.personal import mask_name
from shared.work import CHINA, Work


def address(work: Work, code: str) -> str:
    """What anybody may read of an asset, and below it where repairs are reported."""
    return f"{work.context.settings.public_url.rstrip('/')}/api/v1/assets/scan/{code}"


def page(work: Work, code: str) -> str:
    """Where the QR code of an asset leads: the same as a page for whoever stands before it."""
    return f"{address(work, code)}/page"


def owner_shown(asset: Asset) -> str:
    """The owner as anybody may read it."""
    return mask_name(asset.owner_name) if asset.owner_kind is OwnerKind.HOUSEHOLD else asset.owner_name


def label(work: Work, asset: Asset) -> Label:
    """The label of a registered asset; Conflict while it has no code."""
    if not asset.code:
        raise not_now("no_code", "资产登记后才有编号和标识牌", "The asset has no code yet")
    return Label(asset.code, asset.name, asset.asset_class.label, owner_shown(asset), page(work, asset.code))


async def labels(work: Work, ids: Sequence[UUID]) -> list[Label]:
    """The labels of some assets in the order of their codes; NotFound when one is not the caller's."""
    found = await scoped.some(work, Asset, col(Asset.id).in_(ids), order=(col(Asset.code),))
    if lost := set(ids) - {asset.id for asset in found}:
        raise NotFound(f"没有这项资产: {min(lost)}", "No such asset")
    return [label(work, asset) for asset in found]


async def card(work: Work, code: str) -> AssetCard:
    """What anybody reads who scans the label."""
    asset = await repository.system_by_code(work, code)
    private = asset.owner_kind is OwnerKind.HOUSEHOLD
    codes = (await work.rule("codes.subclass", on=asset.built_on)).value[asset.asset_class]
    return AssetCard(
        code=asset.code,
        name=asset.name,
        class_label=asset.asset_class.label,
        subclass=asset.subclass,
        subclass_label=codes.get(asset.subclass, ""),
        built_on=asset.built_on,
        address="" if private else asset.address,
        owner=owner_shown(asset),
        original_value="" if private else yuan(asset.original_value),
        project_name=asset.project_name,
        keeper=asset.keeper_unit,
        use_label=asset.use.label,
        inspected_on=asset.inspected_at.astimezone(CHINA).date() if asset.inspected_at else None,
        report_to=f"{address(work, code)}/repairs",
    )
