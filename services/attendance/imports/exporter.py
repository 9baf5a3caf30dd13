"""Check-ins in DingTalk's format: its field names, enumerations, limits and errcodes, times in ms, positions in GCJ-02.

At the root of the door, with tokens of DingTalk's life, so that a client written for DingTalk only changes its address.
"""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.models import AttendanceDay
from services.attendance.days.service import shows_presence
from services.attendance.duties.models import Duty
from services.attendance.fields import get_district
from services.attendance.imports import repository
from services.attendance.imports.schemas import (
    DingTalkAnswer,
    DingTalkToken,
    ListAsk,
    RecordAsk,
    parse_dingtalk_time,
)
from services.attendance.policy import PRESENCE_RULES
from services.attendance.reviews.models import Review
from shared.auth import Actor, May, actor_from_claims
from shared.china import Datum, FencePosition, from_wgs84
from shared.errors import ApiError, NotFound, RateLimited, Unauthenticated
from shared.unit_of_work import CHINA_TIME_ZONE, ServiceClient, ServiceContext, UnitOfWork

MAX_USERS, MAX_ROWS, MAX_DAYS, MAX_AGE_DAYS = 50, 50, 7, 180
ERROR_INVALID_PARAMETER, ERROR_USER_LIST_LENGTH = 40035, 40032
"""DingTalk's errcodes for 不合法的参数 and 不合法的UserID列表长度."""
ERROR_NO_TOKEN, ERROR_WRONG_TOKEN, ERROR_OLD_TOKEN, ERROR_WRONG_SECRET = 41001, 40014, 42001, 40089
ERROR_BUSY, ERROR_NEEDS_GET, ERROR_NEEDS_POST, ERROR_FAILED = 90018, 43001, 43002, -1
TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_PURPOSE = "dingtalk token"  # noqa: S105 - what the sealed text is for
NO_PERMISSION = {
    "errcode": 88,
    "sub_code": "60011",
    "sub_msg": "没有调用该接口的权限",
    "errmsg": "ding talk error[subcode=60011,submsg=没有调用该接口的权限]",
}
MAX_SAFE_INTEGER = 2**53
_LOCATION_RESULTS = {
    FencePosition.INSIDE: "Normal",
    FencePosition.OUTSIDE: "Outside",
    FencePosition.UNSURE: "Outside",
    None: "NotSigned",
}


def _build_refusal(text: str) -> DingTalkAnswer:
    """Returns DingTalk's answer for an invalid parameter."""
    return DingTalkAnswer(errcode=ERROR_INVALID_PARAMETER, errmsg=f"不合法的参数: {text}")


def _build_user_limit_refusal() -> DingTalkAnswer:
    """Returns DingTalk's answer for an invalid length of the user list."""
    return DingTalkAnswer(
        errcode=ERROR_USER_LIST_LENGTH, errmsg=f"不合法的UserID列表长度: 须为 1 至 {MAX_USERS} 人"
    )


async def list_results(work: UnitOfWork, request: ListAsk) -> DingTalkAnswer:
    """获取打卡结果: whole days, ≤ 50 users, ≤ 7 days, ≤ 50 rows a page; workdays without a check-in as NotSigned."""
    try:
        first, last = (
            parse_dingtalk_time(request.workDateFrom).date(),
            parse_dingtalk_time(request.workDateTo).date(),
        )
    except ValueError:
        return _build_refusal("workDateFrom、workDateTo 须为 yyyy-MM-dd HH:mm:ss")
    if not 1 <= len(request.userIdList) <= MAX_USERS:
        return _build_user_limit_refusal()
    if not 0 <= (last - first).days < MAX_DAYS:
        return _build_refusal(f"起止日期最多相隔 {MAX_DAYS} 天")
    if not 1 <= request.limit <= MAX_ROWS or request.offset < 0:
        return _build_refusal(f"limit 最大 {MAX_ROWS}")
    check_ins = await repository.list_check_ins_by_day(work, request.userIdList, first, last)
    reviews = await repository.list_reviews(work, request.userIdList, first, last)
    corp_id = get_district(work.home_region)
    duties = await repository.list_duties(work, request.userIdList, first, last)
    rows = [
        _build_result_row(check_in, reviews, corp_id) | await _build_plan_columns(work, check_in, duties)
        for check_in in check_ins
    ]
    for day in await repository.list_unexplained_days(work, request.userIdList, first, last):
        if not any(
            check_in.person == day.person and check_in.work_date == day.work_date for check_in in check_ins
        ):
            rows.append(_build_missing_row(day, corp_id))
    rows.sort(key=lambda row: (row["workDate"], row["userId"], row.get("userCheckTime", 0), row["id"]))
    page = rows[request.offset : request.offset + request.limit]
    return DingTalkAnswer(hasMore=request.offset + request.limit < len(rows), recordresult=page)


async def list_details(work: UnitOfWork, request: RecordAsk) -> DingTalkAnswer:
    """获取打卡详情: every check-in in the period, ≤ 50 users, ≤ 7 days, none older than 180 days."""
    try:
        since, until = parse_dingtalk_time(request.checkDateFrom), parse_dingtalk_time(request.checkDateTo)
    except ValueError:
        return _build_refusal("checkDateFrom、checkDateTo 须为 yyyy-MM-dd HH:mm:ss")
    if not 1 <= len(request.userIds) <= MAX_USERS:
        return _build_user_limit_refusal()
    if not 0 <= (until.date() - since.date()).days < MAX_DAYS:
        return _build_refusal(f"起止日期最多相隔 {MAX_DAYS} 天")
    low = max(since.replace(tzinfo=CHINA_TIME_ZONE).astimezone(UTC), work.at - timedelta(days=MAX_AGE_DAYS))
    check_ins = await repository.list_check_ins_by_time(
        work, request.userIds, low, until.replace(tzinfo=CHINA_TIME_ZONE).astimezone(UTC)
    )
    days = since.date() - timedelta(days=1), until.date()
    reviews = await repository.list_reviews(work, request.userIds, *days)
    duties = await repository.list_duties(work, request.userIds, *days)
    corp_id = get_district(work.home_region)
    return DingTalkAnswer(
        recordresult=[
            _build_result_row(check_in, reviews, corp_id)
            | await _build_plan_columns(work, check_in, duties)
            | _build_detail_columns(check_in)
            for check_in in check_ins
        ]
    )


async def _build_plan_columns(work: UnitOfWork, check_in: CheckIn, duties: Sequence[Duty]) -> dict[str, Any]:
    """Returns plan time and Late or Early of a check-in on a day with a shift; nothing on a day without: no hours are set."""
    own = [one for one in duties if (one.person, one.work_date) == (check_in.person, check_in.work_date)]
    if not own:
        return {}
    begins = check_in.kind == "OnDuty"
    shift = min(own, key=lambda one: abs((one.starts_at if begins else one.ends_at) - check_in.taken_at))
    planned = shift.starts_at if begins else shift.ends_at
    rule = await work.get_rule(PRESENCE_RULES, on=check_in.work_date, region=check_in.region)
    grace = timedelta(minutes=rule.value.duty_grace_minutes)
    late, early = (
        begins and check_in.taken_at > planned + grace,
        not begins and check_in.taken_at < planned - grace,
    )
    return {
        "planId": _to_safe_integer(shift.id),
        "baseCheckTime": _to_milliseconds(planned),
        "planCheckTime": _to_milliseconds(planned),
        "timeResult": "Late" if late else "Early" if early else "Normal",
    }


def _to_milliseconds(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def _day_to_milliseconds(on: date) -> int:
    """Start of the local day, in milliseconds since 1970."""
    return _to_milliseconds(datetime.combine(on, time(), CHINA_TIME_ZONE))


def _to_safe_integer(identifier: UUID) -> int:
    """Returns a stable integer < 2⁵³ for an id, which every language can hold exactly."""
    return identifier.int % MAX_SAFE_INTEGER


def _build_result_row(
    check_in: CheckIn, reviews: dict[tuple[str, date], Review], corp_id: str
) -> dict[str, Any]:
    """Returns a check-in as a row of `list`."""
    review = reviews.get((check_in.person, check_in.work_date))
    is_present = shows_presence(check_in, review.state if review else None)
    location = "Normal" if is_present else _LOCATION_RESULTS[check_in.verdict]
    return {
        "id": _to_safe_integer(check_in.id),
        "recordId": _to_safe_integer(check_in.id),
        "bizId": str(check_in.id),
        "userId": check_in.person,
        "corpId": corp_id,
        "groupId": _to_safe_integer(check_in.post_id) if check_in.post_id else 0,
        "planId": 0,
        "workDate": _day_to_milliseconds(check_in.work_date),
        "checkType": check_in.kind,
        "timeResult": "Normal",
        "locationResult": location,
        "isLegal": "Y" if location == "Normal" else "N",
        "sourceType": check_in.source,
        "baseCheckTime": _to_milliseconds(check_in.taken_at),
        "planCheckTime": _to_milliseconds(check_in.taken_at),
        "userCheckTime": _to_milliseconds(check_in.taken_at),
        "gmtCreate": _to_milliseconds(check_in.received_at),
        "gmtModified": _to_milliseconds(check_in.updated_at),
    }


def _build_missing_row(day: AttendanceDay, corp_id: str) -> dict[str, Any]:
    """Returns a workday without any record as a NotSigned row, as Absenteeism when it can no longer change."""
    return {
        "id": _to_safe_integer(day.id),
        "userId": day.person,
        "corpId": corp_id,
        "groupId": _to_safe_integer(day.post_id) if day.post_id else 0,
        "planId": _to_safe_integer(day.id),
        "workDate": _day_to_milliseconds(day.work_date),
        "checkType": "OnDuty",
        "timeResult": "NotSigned" if day.provisional else "Absenteeism",
        "locationResult": "NotSigned",
        "sourceType": "SYSTEM",
        "baseCheckTime": _day_to_milliseconds(day.work_date),
        "userCheckTime": _day_to_milliseconds(day.work_date),
    }


def _build_detail_columns(check_in: CheckIn) -> dict[str, Any]:
    """Returns phone and position (GCJ-02) of a check-in; a coarse position is left out."""
    columns: dict[str, Any] = {
        "deviceId": check_in.device,
        "outsideRemark": check_in.remark,
        "locationMethod": "MAP",
    }
    if check_in.lon is not None and check_in.lat is not None and not check_in.coarse:
        lon, lat = from_wgs84(check_in.lon, check_in.lat, Datum.GCJ02)
        columns |= {"userLongitude": round(lon, 6), "userLatitude": round(lat, 6)}
    if check_in.accuracy_m is not None:
        columns["userAccuracy"] = check_in.accuracy_m
    return columns


class DingTalkRefusal(Exception):
    """A refusal in DingTalk's form: HTTP 200 with errcode and errmsg."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.content: dict[str, Any] = {"errcode": errcode, "errmsg": errmsg}


async def issue_token(context: ServiceContext, name: str, secret: str, source: str) -> DingTalkToken:
    """Returns a token for a machine client of this system; its name and secret are DingTalk's appkey and appsecret."""
    identity = ServiceClient(context, "identity", context.service_actor(), context.clock())
    body = {"client_id": name, "client_secret": secret, "source": source}
    try:
        answer = await identity.request("POST", "/internal/client-sign-ins", json=body)
    except Unauthenticated as error:
        raise DingTalkRefusal(ERROR_WRONG_SECRET, "不合法的appkey或appsecret") from error
    except RateLimited as error:
        raise DingTalkRefusal(ERROR_BUSY, error.detail) from error
    until = (context.clock() + TOKEN_LIFE).timestamp()
    text = json.dumps([answer["account"], answer["scope"], until])
    token = context.keyring.encrypt(text, associated_data=TOKEN_PURPOSE)
    return DingTalkToken(access_token=token, expires_in=int(TOKEN_LIFE.total_seconds()))


async def find_token_actor(context: ServiceContext, token: str) -> Actor:
    """Returns who holds a token, with the grants of now; DingTalkRefusal for none, a wrong or an old one."""
    if not token:
        raise DingTalkRefusal(ERROR_NO_TOKEN, "缺少access_token参数")
    try:
        account, scope, until = json.loads(context.keyring.decrypt(token, associated_data=TOKEN_PURPOSE))
    except (ApiError, ValueError) as error:
        raise DingTalkRefusal(ERROR_WRONG_TOKEN, "不合法的access_token") from error
    if until <= context.clock().timestamp():
        raise DingTalkRefusal(ERROR_OLD_TOKEN, "access_token超时")
    identity = ServiceClient(context, "identity", context.service_actor(), context.clock())
    try:
        answer = await identity.request("GET", f"/internal/actors/{account}")
    except NotFound as error:
        raise DingTalkRefusal(ERROR_WRONG_TOKEN, "不合法的access_token") from error
    actor = actor_from_claims({**answer["claims"], "scope": scope})
    if not actor.can(May.PRESENCE_EXCHANGE):
        refusal = DingTalkRefusal(88, "")
        refusal.content = dict(NO_PERMISSION)
        raise refusal
    return actor
