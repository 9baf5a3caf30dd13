"""Whether an asset's fields agree with each other, and how they become columns."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.assets.register.schemas import EARLIEST_BUILT_ON, AssetClass, OwnerKind
from shared.china import Circle, CircleIn, Place, Polygon, PolygonIn, fence_to_json, format_yuan
from shared.errors import FieldError, Invalid
from shared.files import uploads
from shared.unit_of_work import UnitOfWork

_OUTLINE_TYPES: dict[str, type[CircleIn] | type[PolygonIn]] = {"circle": CircleIn, "polygon": PolygonIn}


async def check_fields(
    work: UnitOfWork, kind: AssetClass, given: Mapping[str, Any], *, changed: Mapping[str, Any] | None = None
) -> None:
    """Invalid with every contradiction; files that were given must be there."""
    sound = not _date_faults(given.get("built_on"), work.today)
    rule = await work.get_rule("codes.subclass", on=given.get("built_on") if sound else None)
    faults = find_contradictions(kind, given, rule.value, work.today)
    if faults:
        raise Invalid(
            "；".join(fault.detail for fault in faults), "The fields contradict each other", errors=faults
        )
    new = given if changed is None else changed
    await uploads.require_files(work, [str(one) for one in new.get("photos") or []], "/photos")
    await uploads.require_files(work, [str(one) for one in new.get("file_ids") or []], "/file_ids")


def find_contradictions(
    kind: AssetClass, given: Mapping[str, Any], subclasses: Mapping[str, Mapping[str, str]], today: date
) -> list[FieldError]:
    """Every way in which the fields disagree with each other or with the class."""
    return [
        *_subclass_faults(kind, given.get("subclass") or "", subclasses),
        *_date_faults(given.get("built_on"), today),
        *_funding_faults(given),
        *_owner_faults(kind, given),
    ]


def _subclass_faults(
    kind: AssetClass, subclass: str, known: Mapping[str, Mapping[str, str]]
) -> list[FieldError]:
    choices = known[kind]
    if not subclass or subclass in choices:
        return []
    words = "、".join(f"{code}({label})" for code, label in choices.items())
    return [
        FieldError("no_such_subclass", f"{kind.label}没有子类 {subclass}, 可选: {words}", "", "/subclass")
    ]


def _date_faults(built_on: date | None, today: date) -> list[FieldError]:
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


def _funding_faults(given: Mapping[str, Any]) -> list[FieldError]:
    value, funding = given.get("original_value") or 0, given.get("funding") or []
    total = sum(part["amount"] for part in funding)
    if total <= value:
        return []
    detail = f"资金来源合计 {format_yuan(total)} 元, 超过原值 {format_yuan(value)} 元"
    return [FieldError("funding_above_value", detail, "funding is above the value", "/funding")]


def _owner_faults(kind: AssetClass, given: Mapping[str, Any]) -> list[FieldError]:
    found = []
    owner = given.get("owner_kind") or OwnerKind.UNKNOWN
    if owner is not OwnerKind.UNKNOWN and (owner is OwnerKind.HOUSEHOLD) is not (
        kind is AssetClass.HOUSEHOLD
    ):
        detail = f"{kind.label}的所有权人不能是“{owner.label}”"
        found.append(FieldError("owner_of_class", detail, "This class has other owners", "/owner_kind"))
    if given.get("track") is not None and kind is not AssetClass.OPERATING:
        found.append(
            FieldError("track", "只有经营性资产分类处置", "Only operating assets have a track", "/track")
        )
    return found


def to_columns(given: Mapping[str, Any]) -> dict[str, Any]:
    """Dumped input as the table keeps it: WGS-84 beside what was given, ids as text, the year from the date."""
    values = {name: value for name, value in given.items() if name not in {"place", "outline"}}
    for name in ("photos", "file_ids"):
        if name in values:
            values[name] = [str(one) for one in values[name] or []]
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
    return {**values, **_place_columns(given), **_outline_columns(given)}


def _place_columns(given: Mapping[str, Any]) -> dict[str, Any]:
    if "place" not in given:
        return {}
    if given["place"] is None:
        return {"place": None, "lon": None, "lat": None}
    place = Place.model_validate(given["place"])
    point = place.to_wgs84()
    return {"place": place.model_dump(mode="json"), "lon": point.lon, "lat": point.lat}


def _outline_columns(given: Mapping[str, Any]) -> dict[str, Any]:
    if "outline" not in given:
        return {}
    if given["outline"] is None:
        return {"outline": None, "outline_given": None}
    outline = _OUTLINE_TYPES[given["outline"]["kind"]].model_validate(given["outline"])
    fence: Circle | Polygon = outline.to_fence()
    return {"outline": fence_to_json(fence), "outline_given": outline.model_dump(mode="json")}


def find_missing_fields(said: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """What a draft still lacks before it can be registered."""
    needs = {
        "subclass": (said["subclass"], "子类"),
        "original_value": (said["original_value"], "原值"),
        "built_on": (said["built_on"], "建成日期"),
        "address": (said["address"] or said["place"], "坐落"),
        "owner_name": (said["owner_name"], "所有权人"),
    }
    found = [
        FieldError("missing", f"缺少{label}", f"{name} is missing", f"/{name}")
        for name, (value, label) in needs.items()
        if not value
    ]
    if said["owner_kind"] is OwnerKind.UNKNOWN:
        found.append(FieldError("missing", "缺少所有权人类型", "owner_kind is missing", "/owner_kind"))
    return tuple(found)
