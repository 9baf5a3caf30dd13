"""What a label says and where it leads."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.assets import repository_base as scoped
from services.assets.errors import conflict
from services.assets.labels import repository
from services.assets.labels.document import CERTIFICATE_TITLE, Certificate, Label, draw_certificates
from services.assets.labels.schemas import AssetCard
from services.assets.register import repository as register
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass, OwnerKind, Right
from shared.auth import May, mask_name, region_bounds
from shared.china import format_yuan
from shared.errors import NotFound
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


def build_scan_url(work: UnitOfWork, code: str) -> str:
    """What anybody may read of an asset, and below it where repairs are reported."""
    return f"{work.context.settings.public_url.rstrip('/')}/api/v1/assets/scan/{code}"


def build_scan_page_url(work: UnitOfWork, code: str) -> str:
    """Where the QR code of an asset leads: the same as a page for whoever stands before it."""
    return f"{build_scan_url(work, code)}/page"


def public_owner_name(asset: Asset) -> str:
    """The owner as anybody may read it."""
    return mask_name(asset.owner_name) if asset.owner_kind is OwnerKind.HOUSEHOLD else asset.owner_name


def build_label(work: UnitOfWork, asset: Asset) -> Label:
    """The label of a registered asset; Conflict while it has no code."""
    if not asset.code:
        raise conflict("no_code", "资产登记后才有编号和标识牌", "The asset has no code yet")
    return Label(
        asset.code,
        asset.name,
        asset.asset_class.label,
        public_owner_name(asset),
        build_scan_page_url(work, asset.code),
    )


async def list_labels(work: UnitOfWork, ids: Sequence[UUID]) -> list[Label]:
    """The labels of some assets in the order of their codes; NotFound when one is not the caller's."""
    found = await scoped.list_records(work, Asset, col(Asset.id).in_(ids), order=(col(Asset.code),))
    if lost := set(ids) - {asset.id for asset in found}:
        raise NotFound(f"没有这项资产: {min(lost)}", "No such asset")
    return [build_label(work, asset) for asset in found]


async def get_asset_card(work: UnitOfWork, code: str) -> AssetCard:
    """What anybody reads who scans the label."""
    asset = await repository.system_get_by_code(work, code)
    private = asset.owner_kind is OwnerKind.HOUSEHOLD
    codes = (await work.get_rule("codes.subclass", on=asset.built_on)).value[asset.asset_class]
    return AssetCard(
        code=asset.code,
        name=asset.name,
        class_label=asset.asset_class.label,
        subclass=asset.subclass,
        subclass_label=codes.get(asset.subclass, ""),
        built_on=asset.built_on,
        address="" if private else asset.address,
        owner=public_owner_name(asset),
        original_value="" if private else format_yuan(asset.original_value),
        project_name=asset.project_name,
        keeper=asset.keeper_unit,
        use_label=asset.use.label,
        inspected_on=asset.inspected_at.astimezone(CHINA_TIME_ZONE).date() if asset.inspected_at else None,
        report_to=f"{build_scan_url(work, code)}/repairs",
    )


CONFIRMED_STATES = (AssetState.CONFIRMED, AssetState.OFFERED, AssetState.HANDED_OVER)
MAX_CERTIFICATES = 200
"""Certificates in one file."""


async def render_certificate(work: UnitOfWork, asset_id: UUID) -> bytes:
    """One certificate. Conflict while rights are not confirmed, or once the asset is disposed of."""
    asset = await register.get_asset(work, asset_id)
    if asset.state not in CONFIRMED_STATES or asset.use is UseState.DISPOSED:
        state = asset.use.label if asset.use is UseState.DISPOSED else asset.state.label
        raise conflict("not_confirmed", f"资产{state}, 确权后才有权属证书", "Rights are not confirmed")
    return await asyncio.to_thread(draw_certificates, [await _build_certificate(work, asset)])


async def render_region_certificates(work: UnitOfWork, region: str, kind: AssetClass | None) -> bytes:
    """All certificates of a village or town with their list. Conflict when there are none, or too many for one file."""
    work.actor.require(May.ASSET_READ, region)
    where = [
        col(Asset.region).between(*region_bounds(region)),
        col(Asset.state).in_(CONFIRMED_STATES),
        col(Asset.use) != UseState.DISPOSED,
        *scoped.equality_conditions({col(Asset.asset_class): kind}),
    ]
    order = (col(Asset.region), col(Asset.code))
    assets = await scoped.list_records(work, Asset, *where, order=order, limit=MAX_CERTIFICATES + 1)
    if not assets:
        raise conflict("none", "没有已确权的资产", "No rights are confirmed there")
    if len(assets) > MAX_CERTIFICATES:
        raise conflict("too_many", f"超过 {MAX_CERTIFICATES} 本, 请分村或分类别打印", "Too many for one file")
    made: Sequence[Certificate] = [await _build_certificate(work, asset) for asset in assets]
    return await asyncio.to_thread(
        draw_certificates, made, f"{CERTIFICATE_TITLE}发放清单({region}, 共 {len(made)} 本)"
    )


async def _build_certificate(work: UnitOfWork, asset: Asset) -> Certificate:
    codes = (await work.get_rule("codes.subclass", on=asset.built_on)).value[asset.asset_class]
    words = (await work.get_rule("codes.funding", on=asset.built_on)).value
    return Certificate(
        number=asset.certificate_no,
        code=asset.code,
        name=asset.name,
        holder=asset.owner_name,
        value=format_yuan(asset.original_value),
        facts=[(label, said) for label, said in _list_facts(asset, codes.get(asset.subclass, "")) if said],
        funding=[_funding_row(words, one) for one in asset.funding],
        issuer=(await work.get_rule("rights.certificate", region=asset.region)).value["issuer"],
        issued_on=str(asset.confirmed_on or ""),
        url=build_scan_page_url(work, asset.code),
    )


def _list_facts(asset: Asset, subclass: str) -> list[tuple[str, str]]:
    placed = asset.lon is not None and asset.lat is not None
    place = f"(东经 {asset.lon:.6f}, 北纬 {asset.lat:.6f})" if placed else ""
    rights = [f"{Right(right).label} {holder['name']}" for right, holder in sorted(asset.holders.items())]
    return [
        ("权利人", f"{asset.owner_name} {asset.owner_code}".strip()),
        ("权利人类型", asset.owner_kind.label),
        ("资产名称", asset.name),
        ("资产编号", asset.code),
        ("类别", f"{asset.asset_class.label} {subclass}".strip()),
        ("坐落", f"{asset.address}{place}"),
        ("数量规格", f"{asset.quantity}{asset.unit} {asset.specification}".strip()),
        ("建成时间", str(asset.built_on or "")),
        ("原值(元)", format_yuan(asset.original_value)),
        ("形成项目", asset.project_name),
        ("其他权利", "; ".join(rights)),
    ]


def _funding_row(words: Mapping[str, Mapping[str, str]], part: Mapping[str, Any]) -> tuple[str, str, str]:
    said = [(name, str(part.get(name) or "")) for name in ("level", "fund")]
    labels = "".join(words[name].get(code, code) for name, code in said if code)
    return part.get("document_no") or "—", labels, format_yuan(part["amount"])
