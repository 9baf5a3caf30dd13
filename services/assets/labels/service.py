"""Use cases of labels, the public asset card and certificates."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.assets import repository_base as records
from services.assets.errors import conflict
from services.assets.labels import repository
from services.assets.labels.schemas import AssetCard, Certificate, Label
from services.assets.policy import FUNDING_CODES, RIGHTS_CERTIFICATE, SUBCLASSES, FundingCodes
from services.assets.register import repository as register
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass, OwnerKind, Right
from shared.auth import May, mask_name
from shared.china import format_yuan
from shared.errors import NotFound
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def _get_subclass_labels(work: UnitOfWork, asset: Asset) -> dict[str, str]:
    """Subclass code → label of the asset's class, as the rule had them when it was built."""
    subclasses = (await work.get_rule(SUBCLASSES, on=asset.built_on, region=asset.region)).value
    return subclasses[asset.asset_class]


CONFIRMED_STATES = (AssetState.CONFIRMED, AssetState.OFFERED, AssetState.HANDED_OVER)
MAX_CERTIFICATES = 200
"""Maximum certificates per file."""


def build_scan_url(work: UnitOfWork, code: str) -> str:
    """Public URL of an asset's card; the repair routes are below it."""
    return f"{work.context.settings.public_url.rstrip('/')}/api/v1/assets/scan/{code}"


def build_scan_page_url(work: UnitOfWork, code: str) -> str:
    """URL in the QR code of an asset: the HTML page of its card."""
    return f"{build_scan_url(work, code)}/page"


def public_owner_name(asset: Asset) -> str:
    """Name of the owner for public display; masked for households."""
    return mask_name(asset.owner_name) if asset.owner_kind is OwnerKind.HOUSEHOLD else asset.owner_name


def build_label(work: UnitOfWork, asset: Asset) -> Label:
    """Label of an asset; Conflict while it has no code."""
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
    """Labels of these assets, ordered by code; NotFound when one is outside the caller's regions."""
    assets = await records.list_records(work, Asset, col(Asset.id).in_(ids), order=(col(Asset.code),))
    if missing := set(ids) - {asset.id for asset in assets}:
        raise NotFound(f"没有这项资产: {min(missing)}", "No such asset")
    return [build_label(work, asset) for asset in assets]


async def get_asset_card(work: UnitOfWork, code: str) -> AssetCard:
    """Public card of an asset by its code."""
    asset = await repository.system_get_by_code(work, code)
    is_household = asset.owner_kind is OwnerKind.HOUSEHOLD
    subclass_labels = await _get_subclass_labels(work, asset)
    return AssetCard(
        code=asset.code,
        name=asset.name,
        class_label=asset.asset_class.label,
        subclass=asset.subclass,
        subclass_label=subclass_labels.get(asset.subclass, ""),
        built_on=asset.built_on,
        address="" if is_household else asset.address,
        owner=public_owner_name(asset),
        original_value="" if is_household else format_yuan(asset.original_value),
        project_name=asset.project_name,
        keeper=asset.keeper_unit,
        use_label=asset.use.label,
        inspected_on=asset.inspected_at.astimezone(CHINA_TIME_ZONE).date() if asset.inspected_at else None,
        report_to=f"{build_scan_url(work, code)}/repairs",
    )


async def render_certificate(work: UnitOfWork, asset_id: UUID) -> bytes:
    """Certificate of an asset as PDF. Conflict when its rights are not confirmed or it is disposed of."""
    asset = await register.get_asset(work, asset_id)
    if asset.state not in CONFIRMED_STATES or asset.use is UseState.DISPOSED:
        state = asset.use.label if asset.use is UseState.DISPOSED else asset.state.label
        raise conflict("not_confirmed", f"资产{state}, 确权后才有权属证书", "Rights are not confirmed")
    return await asyncio.to_thread(_draw, [await _build_certificate(work, asset)], "")


async def render_region_certificates(work: UnitOfWork, region: str, asset_class: AssetClass | None) -> bytes:
    """All certificates of a village or town with their list, as PDF. Conflict when there are none or more than MAX_CERTIFICATES."""
    work.actor.require(May.ASSET_READ, region)
    conditions = [
        work.within_region(col(Asset.region), region),
        col(Asset.state).in_(CONFIRMED_STATES),
        col(Asset.use) != UseState.DISPOSED,
        *records.equality_conditions({col(Asset.asset_class): asset_class}),
    ]
    order = (col(Asset.region), col(Asset.code))
    assets = await records.list_records(work, Asset, *conditions, order=order, limit=MAX_CERTIFICATES + 1)
    if not assets:
        raise conflict("none", "没有已确权的资产", "No rights are confirmed there")
    if len(assets) > MAX_CERTIFICATES:
        raise conflict("too_many", f"超过 {MAX_CERTIFICATES} 本, 请分村或分类别打印", "Too many for one file")
    certificates: Sequence[Certificate] = [await _build_certificate(work, asset) for asset in assets]
    return await asyncio.to_thread(_draw, certificates, f"发放清单({region}, 共 {len(certificates)} 本)")


def _draw(certificates: Sequence[Certificate], list_title: str) -> bytes:
    """Draw certificates, before them a list when it has a title."""
    from services.assets.labels import document  # reportlab takes 18 MB

    title = list_title and document.CERTIFICATE_TITLE + list_title
    return document.draw_certificates(certificates, title)


async def _build_certificate(work: UnitOfWork, asset: Asset) -> Certificate:
    subclass_labels = await _get_subclass_labels(work, asset)
    funding_labels = (await work.get_rule(FUNDING_CODES, on=asset.built_on, region=asset.region)).value
    return Certificate(
        number=asset.certificate_no,
        code=asset.code,
        name=asset.name,
        holder=asset.owner_name,
        value=format_yuan(asset.original_value),
        facts=[
            (label, value)
            for label, value in _list_facts(asset, subclass_labels.get(asset.subclass, ""))
            if value
        ],
        funding=[_funding_row(funding_labels, part) for part in asset.funding],
        issuer=(await work.get_rule(RIGHTS_CERTIFICATE, region=asset.region)).value.issuer,
        issued_on=str(asset.confirmed_on or ""),
        url=build_scan_page_url(work, asset.code),
    )


def _list_facts(asset: Asset, subclass: str) -> list[tuple[str, str]]:
    has_position = asset.lon is not None and asset.lat is not None
    position = f"(东经 {asset.lon:.6f}, 北纬 {asset.lat:.6f})" if has_position else ""
    rights = [f"{Right(right).label} {holder['name']}" for right, holder in sorted(asset.holders.items())]
    return [
        ("权利人", f"{asset.owner_name} {asset.owner_code}".strip()),
        ("权利人类型", asset.owner_kind.label),
        ("资产名称", asset.name),
        ("资产编号", asset.code),
        ("类别", f"{asset.asset_class.label} {subclass}".strip()),
        ("坐落", f"{asset.address}{position}"),
        ("数量规格", f"{asset.quantity}{asset.unit} {asset.specification}".strip()),
        ("建成时间", str(asset.built_on or "")),
        ("原值(元)", format_yuan(asset.original_value)),
        ("形成项目", asset.project_name),
        ("其他权利", "; ".join(rights)),
    ]


def _funding_row(funding_labels: FundingCodes, part: Mapping[str, Any]) -> tuple[str, str, str]:
    level, fund = (str(part.get(name) or "") for name in ("level", "fund"))
    labels = funding_labels.level.get(level, level) + funding_labels.fund.get(fund, fund)
    return part.get("document_no") or "—", labels, format_yuan(part["amount"])
