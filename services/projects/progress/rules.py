"""What makes a progress report believable: photos of this place and time that no report used, quantities that fit the plan."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from services.projects.progress.models import Progress
from services.projects.progress.schemas import PhotoWrite, ProgressCreate
from services.projects.projects.models import Project
from services.projects.quantities.calculation import compute_quantity_progress, match_quantity
from services.projects.quantities.rules import Units, check_units
from shared.china import haversine_m
from shared.errors import FieldError
from shared.files.remarks import parse_exif_time
from shared.rules import RuleKey, RuleValue
from shared.unit_of_work import CHINA_TIME_ZONE

METRES_PER_KM = 1000


class PhotoArea(RuleValue):
    """本县范围的圆: 圆外的照片不收."""

    lon: Annotated[float, Field(ge=73, le=136)] = Field(title="中心经度(WGS-84)")
    lat: Annotated[float, Field(ge=3, le=54)] = Field(title="中心纬度(WGS-84)")
    radius_m: Annotated[int, Field(ge=1000, le=1_000_000)] = Field(title="半径(米)")


class ProgressEvidence(RuleValue):
    """进度佐证的要求."""

    max_age_days: Annotated[int, Field(ge=1, le=365)] = Field(title="照片最早可早于进度时间的天数")
    max_distance_m: Annotated[int, Field(ge=100, le=100_000)] = Field(
        title="照片距项目地点超过多少米须说明原因"
    )
    over_plan_percent: Annotated[int, Field(ge=0, le=1000)] = Field(
        title="累计工程量超过计划百分之几须说明原因"
    )
    area: PhotoArea | None = Field(None, title="本县范围")


PROGRESS_EVIDENCE = RuleKey[ProgressEvidence]("progress.evidence", ProgressEvidence)


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is known of the photos of a report: their files, the project's points (lon, lat), content used before."""

    files: Mapping[str, Any]
    points: Sequence[tuple[float, float]]
    used: Mapping[str, date]


def check_photos(
    body: ProgressCreate, facts: PhotoFacts, rule: ProgressEvidence, happened_at: datetime
) -> Iterator[FieldError]:
    """Errors of each photo: no picture, used before, of another place or time."""
    seen: set[str] = set()
    for index, photo in enumerate(body.photos):
        pointer, file = f"/photos/{index}", facts.files[str(photo.file_id)]
        if not file.media_type.startswith("image/"):
            yield FieldError("not_a_picture", "进度照片须是图片", "not a picture", f"{pointer}/file_id")
            continue
        if file.sha256 in facts.used or file.sha256 in seen:
            when = facts.used.get(file.sha256)
            detail = f"这张照片已用于 {when} 的进度" if when else "同一张照片用了两次"
            yield FieldError("photo_used", detail, "this photo was used before", f"{pointer}/file_id")
        seen.add(file.sha256)
        yield from _check_time(photo, file.evidence or {}, rule, happened_at, pointer)
        yield from _check_place(photo, facts.points, rule, pointer, excused=bool(body.reason))


def _check_time(
    photo: PhotoWrite,
    evidence: Mapping[str, Any],
    rule: ProgressEvidence,
    happened_at: datetime,
    pointer: str,
) -> Iterator[FieldError]:
    first = happened_at - timedelta(days=rule.max_age_days)
    last = happened_at + timedelta(days=1)
    for taken_at in (photo.taken_at, parse_exif_time(evidence)):
        if taken_at is not None and not first <= taken_at <= last:
            day = taken_at.astimezone(CHINA_TIME_ZONE).date()
            detail = f"照片拍摄于 {day}, 须在进度时间前 {rule.max_age_days} 天之内"
            yield FieldError("photo_time", detail, f"the photo was taken on {day}", f"{pointer}/taken_at")
            return


def _check_place(
    photo: PhotoWrite,
    points: Sequence[tuple[float, float]],
    rule: ProgressEvidence,
    pointer: str,
    *,
    excused: bool,
) -> Iterator[FieldError]:
    if photo.fix is None:
        return
    fix = photo.fix.to_wgs84()
    here = (fix.lon, fix.lat)
    if rule.area is not None:
        away = haversine_m(here, (rule.area.lon, rule.area.lat))
        if away > rule.area.radius_m:
            detail = f"照片位置在本县之外, 距县中心 {_format_km(away)}"
            yield FieldError("photo_outside", detail, "the photo lies outside the district", f"{pointer}/fix")
            return
    if points and not excused:
        away = min(haversine_m(here, point) for point in points)
        if away > rule.max_distance_m:
            detail = f"照片位置距项目地点 {_format_km(away)}, 须说明原因"
            yield FieldError("photo_far", detail, "the photo lies far from the project", f"{pointer}/fix")


def _format_km(metres: float) -> str:
    return f"{metres / METRES_PER_KM:,.1f} 公里"


def check_quantities(
    project: Project,
    reports: Sequence[Progress],
    body: ProgressCreate,
    rule: ProgressEvidence,
    units: Units,
) -> Iterator[FieldError]:
    """Errors of each cumulative quantity: of another kind than planned, far above the plan, or lower than before."""
    before = {
        (row.name, row.unit): row.done
        for row in compute_quantity_progress(units, project.quantities, reports)
    }
    planned = {(one["name"], one["unit"]): Decimal(one["amount"]) for one in project.quantities}
    planned_units = dict(planned.keys())
    for index, quantity in enumerate(body.quantities):
        pointer = f"/quantities/{index}"
        key, amount = match_quantity(units, planned, quantity.name, quantity.unit, quantity.amount)
        if key not in planned and quantity.name in planned_units:
            detail = f"{quantity.name}的计划单位是{planned_units[quantity.name]}, 不能与{quantity.unit}换算"
            yield FieldError("unit", detail, "the planned unit is another", f"{pointer}/unit")
            continue
        if key not in planned:
            yield from check_units(units, [quantity.model_dump()], pointer.removesuffix(f"/{index}"))
        if body.reason:
            continue
        limit = planned[key] * (100 + rule.over_plan_percent) / 100 if key in planned else None
        if limit is not None and amount > limit:
            detail = f"{key[0]}累计 {amount:f} {key[1]}, 超过计划 {planned[key]:f} {key[1]}, 须说明原因"
            yield FieldError("over_plan", detail, "above the planned quantity", f"{pointer}/amount")
        elif amount < before.get(key, Decimal(0)):
            detail = f"{key[0]}上次已报累计 {before[key]:f} {key[1]}, 调低须说明原因"
            yield FieldError("lower", detail, "lower than before without a reason", f"{pointer}/amount")
