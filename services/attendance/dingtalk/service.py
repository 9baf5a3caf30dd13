"""Our check-ins in DingTalk's words: GCJ-02, milliseconds, its enumerations, its limits and its way to refuse."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.facts import counts
from services.attendance.days.models import AttendanceDay
from services.attendance.dingtalk import repository
from services.attendance.dingtalk.schemas import Answer, ListAsk, RecordAsk, instant
from services.attendance.reviews.models import Review
from shared.fences import Standing
from shared.places import Datum, from_wgs84
from shared.work import CHINA, Work

USERS, ROWS, DAYS, OLDEST = 50, 50, 7, 180
BAD, LENGTH = 40035, 40032
"""DingTalk's errcodes for 不合法的参数 and 不合法的UserID列表长度."""
SAFE = 2**53
_LOCATION = {
    Standing.INSIDE: "Normal",
    Standing.OUTSIDE: "Outside",
    Standing.UNSURE: "Outside",
    None: "NotSigned",
}


def _refuse(words: str) -> Answer:
    return Answer(errcode=BAD, errmsg=f"不合法的参数: {words}")


def _too_many() -> Answer:
    return Answer(errcode=LENGTH, errmsg=f"不合法的UserID列表长度: 须为 1 至 {USERS} 人")


async def results(work: Work, asked: ListAsk) -> Answer:
    """获取打卡结果: whole days, ≤ 50 users, ≤ 7 days, ≤ 50 rows a page; planned days without a punch as NotSigned."""
    try:
        first, last = instant(asked.workDateFrom).date(), instant(asked.workDateTo).date()
    except ValueError:
        return _refuse("workDateFrom、workDateTo 须为 yyyy-MM-dd HH:mm:ss")
    if not 1 <= len(asked.userIdList) <= USERS:
        return _too_many()
    if not 0 <= (last - first).days < DAYS:
        return _refuse(f"起止日期最多相隔 {DAYS} 天")
    if not 1 <= asked.limit <= ROWS or asked.offset < 0:
        return _refuse(f"limit 最大 {ROWS}")
    taps = await repository.worked(work, asked.userIdList, first, last)
    decided = await repository.reviews(work, asked.userIdList, first, last)
    corp = work.context.settings.district
    rows = [_punch(tap, decided, corp) for tap in taps]
    for gap in await repository.unsigned(work, asked.userIdList, first, last):
        if not any(tap.person == gap.person and tap.work_date == gap.work_date for tap in taps):
            rows.append(_missing(gap, corp))
    rows.sort(key=lambda row: (row["workDate"], row["userId"], row.get("userCheckTime", 0), row["id"]))
    some = rows[asked.offset : asked.offset + asked.limit]
    return Answer(hasMore=asked.offset + asked.limit < len(rows), recordresult=some)


async def details(work: Work, asked: RecordAsk) -> Answer:
    """获取打卡详情: every punch in the time asked for, ≤ 50 users, ≤ 7 days, nothing older than 180 days."""
    try:
        since, until = instant(asked.checkDateFrom), instant(asked.checkDateTo)
    except ValueError:
        return _refuse("checkDateFrom、checkDateTo 须为 yyyy-MM-dd HH:mm:ss")
    if not 1 <= len(asked.userIds) <= USERS:
        return _too_many()
    if not 0 <= (until.date() - since.date()).days < DAYS:
        return _refuse(f"起止日期最多相隔 {DAYS} 天")
    low = max(since.replace(tzinfo=CHINA).astimezone(UTC), work.at - timedelta(days=OLDEST))
    taps = await repository.punched(work, asked.userIds, low, until.replace(tzinfo=CHINA).astimezone(UTC))
    span = since.date() - timedelta(days=1), until.date()
    decided = await repository.reviews(work, asked.userIds, *span)
    corp = work.context.settings.district
    return Answer(recordresult=[_punch(tap, decided, corp) | _evidence(tap) for tap in taps])


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _day(on: date) -> int:
    return _ms(datetime.combine(on, time(), CHINA))


def _number(identifier: UUID) -> int:
    """A number that software in any language holds exactly, always the same for a record."""
    return identifier.int % SAFE


def _punch(tap: CheckIn, decided: dict[tuple[str, date], Review], corp: str) -> dict[str, Any]:
    review = decided.get((tap.person, tap.work_date))
    shown = counts(tap, review.state if review else None)
    location = "Normal" if shown else _LOCATION[tap.verdict]
    return {
        "id": _number(tap.id),
        "recordId": _number(tap.id),
        "bizId": str(tap.id),
        "userId": tap.person,
        "corpId": corp,
        "groupId": _number(tap.post_id) if tap.post_id else 0,
        "planId": 0,
        "workDate": _day(tap.work_date),
        "checkType": tap.kind,
        "timeResult": "Normal",
        "locationResult": location,
        "isLegal": "Y" if location == "Normal" else "N",
        "sourceType": tap.source,
        "baseCheckTime": _ms(tap.taken_at),
        "planCheckTime": _ms(tap.taken_at),
        "userCheckTime": _ms(tap.taken_at),
        "gmtCreate": _ms(tap.received_at),
        "gmtModified": _ms(tap.updated_at),
    }


def _missing(gap: AttendanceDay, corp: str) -> dict[str, Any]:
    return {
        "id": _number(gap.id),
        "userId": gap.person,
        "corpId": corp,
        "groupId": _number(gap.post_id) if gap.post_id else 0,
        "planId": _number(gap.id),
        "workDate": _day(gap.work_date),
        "checkType": "OnDuty",
        "timeResult": "NotSigned",
        "locationResult": "NotSigned",
        "sourceType": "SYSTEM",
        "baseCheckTime": _day(gap.work_date),
        "userCheckTime": _day(gap.work_date),
    }


def _evidence(tap: CheckIn) -> dict[str, Any]:
    """Place and phone: GCJ-02, as their maps draw it; a place whose detail is gone is not given at all."""
    found: dict[str, Any] = {"deviceId": tap.device, "outsideRemark": tap.remark, "locationMethod": "MAP"}
    if tap.lon is not None and tap.lat is not None and not tap.coarse:
        lon, lat = from_wgs84(tap.lon, tap.lat, Datum.GCJ02)
        found |= {"userLongitude": round(lon, 6), "userLatitude": round(lat, 6)}
    if tap.accuracy_m is not None:
        found["userAccuracy"] = tap.accuracy_m
    return found
