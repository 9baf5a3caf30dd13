"""Asking DingTalk and WeCom, within their documented limits. Addresses: XIANJIE_PEERS names "dingtalk" and "wecom".

DingTalk 2026: ≤ 50 users, ≤ 7 days and ≤ 50 rows a call, nothing older than 180 days; WeCom: ≤ 100 users, ≤ 30 days.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from services.attendance.imports.kinds import Channel
from services.attendance.imports.schemas import ImportPull
from shared.errors import Conflict, Unavailable
from shared.wire import Wire
from shared.work import CHINA

USERS = {Channel.DINGTALK: 50, Channel.WECOM: 100}
DAYS = {Channel.DINGTALK: 7, Channel.WECOM: 30}
ROWS = 50
OLDEST = timedelta(days=180)
BUSY = frozenset({-1, 90002, 90006, 90018, 45009, 45033})
"""errcodes (or the sub_code of DingTalk's 88) that mean "busy" or "too often"; -1 asks for a second try itself."""
SUB = 88
"""DingTalk's errcode whose meaning stands in `sub_code`."""
TRIES = 5
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Part:
    """What one call may ask about: some users, some days."""

    users: tuple[str, ...]
    first: date
    last: date


def parts(asked: ImportPull, users: Sequence[str], today: date) -> list[Part]:
    """The calls a pull needs, within the other system's limits."""
    first = max(asked.first, today - OLDEST) if asked.channel is Channel.DINGTALK else asked.first
    return [
        Part(tuple(some), start, end)
        for some in _some(users, USERS[asked.channel])
        for start, end in _spans(first, asked.last, DAYS[asked.channel])
    ]


async def fetch(wire: Wire, token: str, asked: ImportPull, part: Part) -> list[dict[str, Any]]:
    """The records of one part. Conflict with their words when they refuse, Unavailable when they are busy."""
    asks = _dingtalk if asked.channel is Channel.DINGTALK else _wecom
    return await asks(wire, token, asked, list(part.users), part.first, part.last)


async def pull(wire: Wire, asked: ImportPull, users: Sequence[str], today: date) -> list[dict[str, Any]]:
    """Every record of these users and days."""
    pass_ = await token(wire, asked)
    found: list[dict[str, Any]] = []
    for part in parts(asked, users, today):
        found += await fetch(wire, pass_, asked, part)
    return found


def _some(users: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(users), size):
        yield list(users[start : start + size])


def _spans(first: date, last: date, days: int) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        yield first, end
        first = end + timedelta(days=1)


async def _ask(wire: Wire, channel: Channel, method: str, path: str, **rest: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON and parameters
    for turn in range(TRIES):
        answer = await wire.ask(channel, method, path, **rest)
        if not isinstance(answer, dict):
            raise Unavailable(f"{channel.label}的答复无法识别", "Not an answer")
        code = answer.get("errcode", 0)
        if code == SUB and str(answer.get("sub_code", "")).lstrip("-").isdigit():
            code = int(answer["sub_code"])
        if code not in BUSY:
            if code:
                words = answer.get("sub_msg") or answer.get("errmsg", "")
                raise Conflict(f"{channel.label}答复 {code}: {words}", f"errcode {code}")
            return answer
        await asyncio.sleep(PAUSE_S * 2**turn)
    raise Unavailable(f"{channel.label}限流, 请稍后再导入", "Throttled", retry_after=60)


async def token(wire: Wire, asked: ImportPull) -> str:
    """Their access token for these keys."""
    secret = asked.app_secret.get_secret_value()
    if asked.channel is Channel.DINGTALK:
        path, params = "/gettoken", {"appkey": asked.app_key, "appsecret": secret}
    else:
        path, params = "/cgi-bin/gettoken", {"corpid": asked.app_key, "corpsecret": secret}
    return str((await _ask(wire, asked.channel, "GET", path, params=params)).get("access_token", ""))


async def _dingtalk(
    wire: Wire, token: str, asked: ImportPull, users: list[str], first: date, last: date
) -> list[dict[str, Any]]:
    low, high = f"{first} 00:00:00", f"{last} 23:59:59"
    params = {"access_token": token}
    if asked.details:
        body: dict[str, Any] = {
            "userIds": users,
            "checkDateFrom": low,
            "checkDateTo": high,
            "isI18n": "false",
        }
        answer = await _ask(wire, asked.channel, "POST", "/attendance/listRecord", params=params, json=body)
        return list(answer.get("recordresult") or [])
    found: list[dict[str, Any]] = []
    while True:
        body = {
            "userIdList": users,
            "workDateFrom": low,
            "workDateTo": high,
            "offset": len(found),
            "limit": ROWS,
        }
        answer = await _ask(wire, asked.channel, "POST", "/attendance/list", params=params, json=body)
        rows = list(answer.get("recordresult") or [])
        found += rows
        if not answer.get("hasMore") or not rows:
            return found


async def _wecom(
    wire: Wire, token: str, asked: ImportPull, users: list[str], first: date, last: date
) -> list[dict[str, Any]]:
    begin = datetime.combine(first, time(), CHINA)
    over = datetime.combine(last + timedelta(days=1), time(), CHINA)
    body = {
        "opencheckindatatype": 3,
        "starttime": int(begin.timestamp()),
        "endtime": int(over.timestamp()) - 1,
        "useridlist": users,
    }
    params = {"access_token": token}
    answer = await _ask(
        wire, asked.channel, "POST", "/cgi-bin/checkin/getcheckindata", params=params, json=body
    )
    return list(answer.get("checkindata") or [])
