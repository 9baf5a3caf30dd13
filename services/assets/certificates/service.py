"""What certificates say, from the register."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.assets.certificates.drawing import TITLE, Certificate, pdf
from services.assets.labels.service import page
from services.assets.refusals import not_now
from services.assets.register import repository as register
from services.assets.register.kinds import AssetClass, Right
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset
from services.assets.scoped import repository as scoped
from shared.access import span
from shared.money import yuan
from shared.permissions import May
from shared.work import Work

CONFIRMED = (AssetState.CONFIRMED, AssetState.OFFERED, AssetState.HANDED_OVER)
MOST = 200
"""Certificates in one file."""


async def of_asset(work: Work, asset_id: UUID) -> bytes:
    """One certificate. Conflict while rights are not confirmed, or once the asset is disposed of."""
    asset = await register.get(work, asset_id)
    if asset.state not in CONFIRMED or asset.use is UseState.DISPOSED:
        state = asset.use.label if asset.use is UseState.DISPOSED else asset.state.label
        raise not_now("not_confirmed", f"资产{state}, 确权后才有权属证书", "Rights are not confirmed")
    return await asyncio.to_thread(pdf, [await _certificate(work, asset)])


async def of_region(work: Work, region: str, kind: AssetClass | None) -> bytes:
    """All certificates of a village or town with their list. Conflict when there are none, or too many for one file."""
    work.actor.require(May.ASSET_READ, region)
    where = [
        col(Asset.region).between(*span(region)),
        col(Asset.state).in_(CONFIRMED),
        col(Asset.use) != UseState.DISPOSED,
        *scoped.system_same({col(Asset.asset_class): kind}),
    ]
    order = (col(Asset.region), col(Asset.code))
    assets = await scoped.some(work, Asset, *where, order=order, most=MOST + 1)
    if not assets:
        raise not_now("none", "没有已确权的资产", "No rights are confirmed there")
    if len(assets) > MOST:
        raise not_now("too_many", f"超过 {MOST} 本, 请分村或分类别打印", "Too many for one file")
    made: Sequence[Certificate] = [await _certificate(work, asset) for asset in assets]
    return await asyncio.to_thread(pdf, made, f"{TITLE}发放清单({region}, 共 {len(made)} 本)")


async def _certificate(work: Work, asset: Asset) -> Certificate:
    codes = (await work.rule("codes.subclass", on=asset.built_on)).value[asset.asset_class]
    words = (await work.rule("codes.funding", on=asset.built_on)).value
    return Certificate(
        number=asset.certificate_no,
        code=asset.code,
        name=asset.name,
        holder=asset.owner_name,
        value=yuan(asset.original_value),
        facts=[(label, said) for label, said in _facts(asset, codes.get(asset.subclass, "")) if said],
        funding=[_source(words, one) for one in asset.funding],
        issuer=(await work.rule("rights.certificate", region=asset.region)).value["issuer"],
        issued_on=str(asset.confirmed_on or ""),
        url=page(work, asset.code),
    )


def _facts(asset: Asset, subclass: str) -> list[tuple[str, str]]:
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
        ("原值(元)", yuan(asset.original_value)),
        ("形成项目", asset.project_name),
        ("其他权利", "; ".join(rights)),
    ]


def _source(words: Mapping[str, Mapping[str, str]], part: Mapping[str, Any]) -> tuple[str, str, str]:
    said = [(name, str(part.get(name) or "")) for name in ("level", "fund")]
    labels = "".join(words[name].get(code, code) for name, code in said if code)
    return part.get("document_no") or "—", labels, yuan(part["amount"])
