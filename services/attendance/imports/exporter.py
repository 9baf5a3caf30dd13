"""Our check-ins in DingTalk's words: GCJ-02, milliseconds, its enumerations, its limits and its way to refuse."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.models import AttendanceDay
from services.attendance.days.service import shows_presence
from services.attendance.imports import repository
from services.attendance.imports.schemas import Answer, ListAsk, RecordAsk, parse_dingtalk_time
from services.attendance.reviews.models import Review
from shared.china import Datum, FencePosition, from_wgs84
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

MAX_USERS, MAX_ROWS, MAX_DAYS, MAX_AGE_DAYS = 50, 50, 7, 180
ERROR_INVALID_PARAMETER, ERROR_USER_LIST_LENGTH = 40035, 40032
"""DingTalk's errcodes for 不合法的参数 and 不合法的UserID列表长度."""
MAX_SAFE_INTEGER = 2**53
_LOCATION_RESULTS = {
    FencePosition.INSIDE: "Normal",
    FencePosition.OUTSIDE: "Outside",
    FencePosition.UNSURE: "Outside",
    None: "NotSigned",
}


def _build_refusal(words: str) -> Answer:
    return Answer(errcode=ERROR_INVALID_PARAMETER, errmsg=f"不合法的参数: {words}")


def _build_user_limit_refusal() -> Answer:
    return Answer(errcode=ERROR_USER_LIST_LENGTH, errmsg=f"不合法的UserID列表长度: 须为 1 至 {MAX_USERS} 人")


async def list_results(work: UnitOfWork, asked: ListAsk) -> Answer:
    """获取打卡结果: whole days, ≤ 50 users, ≤ 7 days, ≤ 50 rows a page; planned days without a punch as NotSigned."""
    try:
        first, last = (
            parse_dingtalk_time(asked.workDateFrom).date(),
            parse_dingtalk_time(asked.workDateTo).date(),
        )
    except ValueError:
        return _build_refusal("workDateFrom、workDateTo 须为 yyyy-MM-dd HH:mm:ss")
    if not 1 <= len(asked.userIdList) <= MAX_USERS:
        return _build_user_limit_refusal()
    if not 0 <= (last - first).days < MAX_DAYS:
        return _build_refusal(f"起止日期最多相隔 {MAX_DAYS} 天")
    if not 1 <= asked.limit <= MAX_ROWS or asked.offset < 0:
        return _build_refusal(f"limit 最大 {MAX_ROWS}")
    taps = await repository.list_check_ins_by_day(work, asked.userIdList, first, last)
    decided = await repository.list_reviews(work, asked.userIdList, first, last)
    corp = work.context.settings.district
    rows = [_build_result_row(tap, decided, corp) for tap in taps]
    for gap in await repository.list_unexplained_days(work, asked.userIdList, first, last):
        if not any(tap.person == gap.person and tap.work_date == gap.work_date for tap in taps):
            rows.append(_build_missing_row(gap, corp))
    rows.sort(key=lambda row: (row["workDate"], row["userId"], row.get("userCheckTime", 0), row["id"]))
    some = rows[asked.offset : asked.offset + asked.limit]
    return Answer(hasMore=asked.offset + asked.limit < len(rows), recordresult=some)


async def list_details(work: UnitOfWork, asked: RecordAsk) -> Answer:
    """获取打卡详情: every punch in the time asked for, ≤ 50 users, ≤ 7 days, nothing older than 180 days."""
    try:
        since, until = parse_dingtalk_time(asked.checkDateFrom), parse_dingtalk_time(asked.checkDateTo)
    except ValueError:
        return _build_refusal("checkDateFrom、checkDateTo 须为 yyyy-MM-dd HH:mm:ss")
    if not 1 <= len(asked.userIds) <= MAX_USERS:
        return _build_user_limit_refusal()
    if not 0 <= (until.date() - since.date()).days < MAX_DAYS:
        return _build_refusal(f"起止日期最多相隔 {MAX_DAYS} 天")
    low = max(since.replace(tzinfo=CHINA_TIME_ZONE).astimezone(UTC), work.at - timedelta(days=MAX_AGE_DAYS))
    taps = await repository.list_check_ins_by_time(
        work, asked.userIds, low, until.replace(tzinfo=CHINA_TIME_ZONE).astimezone(UTC)
    )
    span = since.date() - timedelta(days=1), until.date()
    decided = await repository.list_reviews(work, asked.userIds, *span)
    corp = work.context.settings.district
    return Answer(
        recordresult=[_build_result_row(tap, decided, corp) | _build_detail_columns(tap) for tap in taps]
    )


def _to_milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _day_to_milliseconds(on: date) -> int:
    return _to_milliseconds(datetime.combine(on, time(), CHINA_TIME_ZONE))


def _to_safe_integer(identifier: UUID) -> int:
    """A number that software in any language holds exactly, always the same for a record."""
    return identifier.int % MAX_SAFE_INTEGER


def _build_result_row(tap: CheckIn, decided: dict[tuple[str, date], Review], corp: str) -> dict[str, Any]:
    review = decided.get((tap.person, tap.work_date))
    shown = shows_presence(tap, review.state if review else None)
    location = "Normal" if shown else _LOCATION_RESULTS[tap.verdict]
    return {
        "id": _to_safe_integer(tap.id),
        "recordId": _to_safe_integer(tap.id),
        "bizId": str(tap.id),
        "userId": tap.person,
        "corpId": corp,
        "groupId": _to_safe_integer(tap.post_id) if tap.post_id else 0,
        "planId": 0,
        "workDate": _day_to_milliseconds(tap.work_date),
        "checkType": tap.kind,
        "timeResult": "Normal",
        "locationResult": location,
        "isLegal": "Y" if location == "Normal" else "N",
        "sourceType": tap.source,
        "baseCheckTime": _to_milliseconds(tap.taken_at),
        "planCheckTime": _to_milliseconds(tap.taken_at),
        "userCheckTime": _to_milliseconds(tap.taken_at),
        "gmtCreate": _to_milliseconds(tap.received_at),
        "gmtModified": _to_milliseconds(tap.updated_at),
    }


def _build_missing_row(gap: AttendanceDay, corp: str) -> dict[str, Any]:
    return {
        "id": _to_safe_integer(gap.id),
        "userId": gap.person,
        "corpId": corp,
        "groupId": _to_safe_integer(gap.post_id) if gap.post_id else 0,
        "planId": _to_safe_integer(gap.id),
        "workDate": _day_to_milliseconds(gap.work_date),
        "checkType": "OnDuty",
        "timeResult": "NotSigned",
        "locationResult": "NotSigned",
        "sourceType": "SYSTEM",
        "baseCheckTime": _day_to_milliseconds(gap.work_date),
        "userCheckTime": _day_to_milliseconds(gap.work_date),
    }


def _build_detail_columns(tap: CheckIn) -> dict[str, Any]:
    """Place and phone: GCJ-02, as their maps draw it; a place whose detail is gone is not given at all."""
    found: dict[str, Any] = {"deviceId": tap.device, "outsideRemark": tap.remark, "locationMethod": "MAP"}
    if tap.lon is not None and tap.lat is not None and not tap.coarse:
        lon, lat = from_wgs84(tap.lon, tap.lat, Datum.GCJ02)
        found |= {"userLongitude": round(lon, 6), "userLatitude": round(lat, 6)}
    if tap.accuracy_m is not None:
        found["userAccuracy"] = tap.accuracy_m
    return found
