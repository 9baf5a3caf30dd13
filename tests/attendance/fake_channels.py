"""Fake of DingTalk's and WeCom's APIs: limits, pages, errors with status 200, throttling."""

from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request

from shared.unit_of_work import CHINA_TIME_ZONE

ACCESS_TOKEN = "t-1"
DAY_S = 86_400


def to_epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=CHINA_TIME_ZONE).timestamp() * 1000)


def build_punch(number: int, user: str, at: str, **changes: Any) -> dict[str, Any]:
    """Returns a row of `listRecord`."""
    return {
        "id": number, "recordId": number, "userId": user, "groupId": 7, "planId": number,
        "workDate": to_epoch_ms(at[:10]), "checkType": "OnDuty", "timeResult": "Normal", "locationResult": "Normal",
        "sourceType": "USER", "isLegal": "Y", "baseCheckTime": to_epoch_ms(at), "userCheckTime": to_epoch_ms(at),
        **changes,
    }  # fmt: skip


class FakeChannelServer:
    """Records of both systems, and the requests received."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.checkins: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.throttle_every = 0
        self.secret = "right"
        self.malformed_row: dict[str, Any] | None = None
        self.now = "2024-05-20 09:00:00"
        self.app = FastAPI()
        self._add_token_routes()
        self._add_detail_routes()
        self._add_result_routes()
        self._add_wecom_routes()

    def _check_token(self, token: str) -> dict[str, Any] | None:
        if token != ACCESS_TOKEN:
            return {"errcode": 40014, "errmsg": "不合法的access_token"}
        if self.throttle_every and len(self.requests) % self.throttle_every == 0:
            return {"errcode": 90018, "errmsg": "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了"}
        return None

    def _check_limits(
        self, users: list[str], low: str, high: str, max_users: int = 50, days: int = 7
    ) -> dict[str, Any] | None:
        span = datetime.fromisoformat(high).date() - datetime.fromisoformat(low).date()
        if not 1 <= len(users) <= max_users:
            return {"errcode": 40032, "errmsg": "不合法的UserID列表长度"}
        if span.days >= days:
            return {"errcode": 40035, "errmsg": "不合法的参数"}
        return None

    def _add_token_routes(self) -> None:
        @self.app.get("/gettoken")
        async def gettoken(appkey: str, appsecret: str) -> dict[str, Any]:
            if appsecret != self.secret:
                return {"errcode": 40089, "errmsg": "不合法的corpid或corpsecret"}
            return {"errcode": 0, "errmsg": "ok", "access_token": ACCESS_TOKEN, "expires_in": 7200}

        @self.app.get("/cgi-bin/gettoken")
        async def corp_token(corpid: str, corpsecret: str) -> dict[str, Any]:
            return await gettoken(corpid, corpsecret)

    def _add_detail_routes(self) -> None:
        @self.app.post("/attendance/listRecord")
        async def list_record(request: Request, access_token: str) -> dict[str, Any]:
            body = await request.json()
            self.requests.append(body)
            refusal = self._check_token(access_token) or self._check_limits(
                body["userIds"], body["checkDateFrom"], body["checkDateTo"]
            )
            if refusal:
                return refusal
            low, high = to_epoch_ms(body["checkDateFrom"]), to_epoch_ms(body["checkDateTo"])
            low = max(low, to_epoch_ms(self.now) - 180 * DAY_S * 1000)
            rows = [
                row for row in self.rows if row.get("userCheckTime") and low <= row["userCheckTime"] <= high
            ]
            return {
                "errcode": 0,
                "errmsg": "ok",
                "recordresult": [row for row in rows if row["userId"] in body["userIds"]]
                + ([self.malformed_row] if self.malformed_row else []),
            }

    def _add_result_routes(self) -> None:
        @self.app.post("/attendance/list")
        async def list_results(request: Request, access_token: str) -> dict[str, Any]:
            body = await request.json()
            self.requests.append(body)
            refusal = self._check_token(access_token) or self._check_limits(
                body["userIdList"], body["workDateFrom"], body["workDateTo"]
            )
            if refusal or not 1 <= body["limit"] <= 50:
                return refusal or {"errcode": 40035, "errmsg": "不合法的参数"}
            low, high = to_epoch_ms(body["workDateFrom"][:10]), to_epoch_ms(body["workDateTo"][:10])
            rows = [
                row
                for row in self.rows
                if low <= row["workDate"] <= high and row["userId"] in body["userIdList"]
            ]
            end = body["offset"] + body["limit"]
            return {"errcode": 0, "recordresult": rows[body["offset"] : end], "hasMore": end < len(rows)}

    def _add_wecom_routes(self) -> None:
        @self.app.post("/cgi-bin/checkin/getcheckindata")
        async def checkin_data(request: Request, access_token: str) -> dict[str, Any]:
            body = await request.json()
            self.requests.append(body)
            if refusal := self._check_token(access_token):
                return refusal
            if len(body["useridlist"]) > 100:
                return {"errcode": 301023, "errmsg": "userlist is over threshold", "checkindata": []}
            if body["endtime"] - body["starttime"] > 30 * DAY_S:
                return {"errcode": 301025, "errmsg": "get checkin data error"}
            rows = [
                row for row in self.checkins if body["starttime"] <= row["checkin_time"] <= body["endtime"]
            ]
            return {
                "errcode": 0,
                "errmsg": "ok",
                "checkindata": [row for row in rows if row["userid"] in body["useridlist"]],
            }


def build_unsigned_plan(number: int, user: str, on: str, **changes: Any) -> dict[str, Any]:
    """Returns a planned day without a check-in as a row of `/attendance/list`: it carries the planned time as `userCheckTime`."""
    at = to_epoch_ms(f"{on} 09:00:00")
    return {
        "id": number, "userId": user, "groupId": 7, "planId": number, "workDate": to_epoch_ms(on), "checkType": "OnDuty",
        "timeResult": "NotSigned", "locationResult": "NotSigned", "sourceType": "SYSTEM", "corpId": "ding1",
        "baseCheckTime": at, "userCheckTime": at,
        **changes,
    }  # fmt: skip


def build_invalid_punch(number: int, user: str, at: str, **changes: Any) -> dict[str, Any]:
    """Returns a refused check-in as a row of `listRecord`: no checkType, plan or results."""
    return {
        "id": number, "userId": user, "workDate": to_epoch_ms(at[:10]), "sourceType": "USER", "userCheckTime": to_epoch_ms(at),
        "invalidRecordType": "Other", "invalidRecordMsg": "需要二次确认", "gmtCreate": to_epoch_ms(at),
        **changes,
    }  # fmt: skip
