"""Validation of asset fields, and their conversion to table columns."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.assets.policy import SUBCLASSES
from services.assets.register.models import Asset
from services.assets.register.schemas import EARLIEST_BUILT_ON, AssetClass, OwnerKind
from shared.china import Circle, CircleIn, Place, Polygon, PolygonIn, fence_to_json, format_yuan
from shared.errors import FieldError, Invalid
from shared.files import uploads
from shared.unit_of_work import UnitOfWork

_OUTLINE_TYPES: dict[str, type[CircleIn] | type[PolygonIn]] = {"circle": CircleIn, "polygon": PolygonIn}


def find_point(asset: Asset) -> tuple[float, float] | None:
    """Where the asset stands (WGS-84 longitude, latitude); None without coordinates and for what has an outline, as a road."""
    if asset.outline is not None or asset.lon is None or asset.lat is None:
        return None
    return asset.lon, asset.lat


async def check_fields(
    work: UnitOfWork,
    asset_class: AssetClass,
    fields: Mapping[str, Any],
    *,
    region: str,
    changed: Mapping[str, Any] | None = None,
) -> None:
    """Raise Invalid with every contradiction, or when a file id in `changed` (all fields if None) does not exist."""
    date_is_valid = not _date_errors(fields.get("built_on"), work.today)
    rule = await work.get_rule(
        SUBCLASSES, on=fields.get("built_on") if date_is_valid else None, region=region
    )
    errors = find_contradictions(asset_class, fields, rule.value, work.today)
    if errors:
        raise Invalid(
            "；".join(error.detail for error in errors), "The fields contradict each other", errors=errors
        )
    new_fields = fields if changed is None else changed
    await uploads.require_files(work, [str(file_id) for file_id in new_fields.get("photos") or []], "/photos")
    await uploads.require_files(
        work, [str(file_id) for file_id in new_fields.get("file_ids") or []], "/file_ids"
    )


def find_contradictions(
    asset_class: AssetClass,
    fields: Mapping[str, Any],
    subclasses: Mapping[AssetClass, Mapping[str, str]],
    today: date,
) -> list[FieldError]:
    """Errors for fields that contradict each other or the class."""
    return [
        *_subclass_errors(asset_class, fields.get("subclass") or "", subclasses),
        *_date_errors(fields.get("built_on"), today),
        *_funding_errors(fields),
        *_owner_errors(asset_class, fields),
    ]


def _subclass_errors(
    asset_class: AssetClass, subclass: str, subclasses: Mapping[AssetClass, Mapping[str, str]]
) -> list[FieldError]:
    choices = subclasses[asset_class]
    if not subclass or subclass in choices:
        return []
    choice_list = "、".join(f"{code}({label})" for code, label in choices.items())
    return [
        FieldError(
            "no_such_subclass",
            f"{asset_class.label}没有子类 {subclass}, 可选: {choice_list}",
            "",
            "/subclass",
        )
    ]


def _date_errors(built_on: date | None, today: date) -> list[FieldError]:
    if built_on is None or EARLIEST_BUILT_ON <= built_on <= today:
        return []
    return [
        FieldError(
            "built_on",
            f"建成日期须在 {EARLIEST_BUILT_ON} 至今天之间",
            "built_on is out of range",
            "/built_on",
        )
    ]


def _funding_errors(fields: Mapping[str, Any]) -> list[FieldError]:
    value, funding = fields.get("original_value") or 0, fields.get("funding") or []
    total = sum(part["amount"] for part in funding)
    if total <= value:
        return []
    detail = f"资金来源合计 {format_yuan(total)} 元, 超过原值 {format_yuan(value)} 元"
    return [FieldError("funding_above_value", detail, "funding is above the value", "/funding")]


def _owner_errors(asset_class: AssetClass, fields: Mapping[str, Any]) -> list[FieldError]:
    errors = []
    owner_kind = fields.get("owner_kind") or OwnerKind.UNKNOWN
    if owner_kind is not OwnerKind.UNKNOWN and (owner_kind is OwnerKind.HOUSEHOLD) is not (
        asset_class is AssetClass.HOUSEHOLD
    ):
        detail = f"{asset_class.label}的所有权人不能是“{owner_kind.label}”"
        errors.append(FieldError("owner_of_class", detail, "This class has other owners", "/owner_kind"))
    if fields.get("track") is not None and asset_class is not AssetClass.OPERATING:
        errors.append(
            FieldError("track", "只有经营性资产分类处置", "Only operating assets have a track", "/track")
        )
    return errors


def to_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Table columns of dumped input: positions in WGS-84 beside the original, ids as text, the year of the date."""
    values = {name: value for name, value in fields.items() if name not in {"place", "outline"}}
    for name in ("photos", "file_ids"):
        if name in values:
            values[name] = [str(file_id) for file_id in values[name] or []]
    if "owner_code" in values:
        values["owner_code"] = values["owner_code"] or ""
    if "funding" in values:
        values["funding_known"], values["funding_carried"] = bool(values["funding"]), False
    if "built_on" in values:
        values["year"] = values["built_on"].year if values["built_on"] else 0
    if "holders" in values:
        values["holders"] = {
            str(right): {**holder, "kind": str(holder["kind"])} for right, holder in values["holders"].items()
        }
    return {**values, **_place_columns(fields), **_outline_columns(fields)}


def _place_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    if "place" not in fields:
        return {}
    if fields["place"] is None:
        return {"place": None, "lon": None, "lat": None}
    place = Place.model_validate(fields["place"])
    point = place.to_wgs84()
    return {"place": place.model_dump(mode="json"), "lon": point.lon, "lat": point.lat}


def _outline_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    if "outline" not in fields:
        return {}
    if fields["outline"] is None:
        return {"outline": None, "outline_given": None}
    outline = _OUTLINE_TYPES[fields["outline"]["kind"]].model_validate(fields["outline"])
    fence: Circle | Polygon = outline.to_fence()
    return {"outline": fence_to_json(fence), "outline_given": outline.model_dump(mode="json")}


def find_missing_fields(fields: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """Errors for the fields that a draft lacks for registration."""
    needs = {
        "subclass": (fields["subclass"], "子类"),
        "original_value": (fields["original_value"], "原值"),
        "built_on": (fields["built_on"], "建成日期"),
        "address": (fields["address"] or fields["place"], "坐落"),
        "owner_name": (fields["owner_name"], "所有权人"),
    }
    errors = [
        FieldError("missing", f"缺少{label}", f"{name} is missing", f"/{name}")
        for name, (value, label) in needs.items()
        if not value
    ]
    if fields["owner_kind"] is OwnerKind.UNKNOWN:
        errors.append(FieldError("missing", "缺少所有权人类型", "owner_kind is missing", "/owner_kind"))
    return tuple(errors)
