"""The people of the story: each signs in once, repeats what the network lost, and stops at the first real "no"."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared import clock

RETRY_TIMEOUT = timedelta(seconds=90)
"""How long a person keeps trying while a part of the system is away."""
RETRY_STATUSES = frozenset({429, 502, 503, 504})
HTTP_OK, HTTP_CREATED, HTTP_CONFLICT, DEFAULT_RETRY_AFTER_S = 200, 201, 409, "1"


class RequestRefused(Exception):
    """The system said no: status and problem."""

    def __init__(self, status: int, problem: dict[str, Any], asked: str) -> None:
        words = "; ".join(one.get("detail", "") for one in problem.get("errors", []))
        super().__init__(f"{asked}: {status} {problem.get('detail', problem)} {words}".strip())
        self.status = status
        self.problem = problem


def derive_id(name: str) -> str:
    """The same UUIDv7 for the same name, so that telling the story twice makes nothing twice."""
    digest = hashlib.sha256(f"xianjie story: {name}".encode()).digest()
    made_at = 1_686_240_000_000  # 2023-06-09, the first day of the notice
    tail = int.from_bytes(digest[:10], "big") & ((1 << 62) - 1)
    high = int.from_bytes(digest[10:12], "big") & 0xFFF
    return str(UUID(int=(made_at << 80) | (7 << 76) | (high << 64) | (2 << 62) | tail))


class DemoUser:
    """Somebody with an account, at the gateway."""

    def __init__(self, http: httpx.AsyncClient, user: str, password: str) -> None:
        self.http = http
        self.user = user
        self.password = password
        self._token = ""
        self._token_expires_at = clock.now()

    async def sign_in(self) -> None:
        """A fresh access token. Refused when the password is wrong."""
        form = {"grant_type": "password", "username": self.user, "password": self.password}
        answer = await self._send_with_retry("POST", "/api/v1/auth/token", data=form)
        content = answer.json()
        if answer.status_code != HTTP_OK:
            raise RequestRefused(answer.status_code, content, f"登录 {self.user}")
        self._token = content["access_token"]
        self._token_expires_at = clock.now() + timedelta(seconds=content["expires_in"] - 60)

    async def get(self, path: str, **params: Any) -> Any:  # noqa: ANN401 - any JSON
        """The JSON at an address."""
        return (await self._request("GET", path, params=params)).json()

    async def post(self, path: str, body: Any = None, *, key: str = "") -> Any:  # noqa: ANN401 - any JSON
        """One effect however often it is sent: the key is made of what is sent."""
        content = json.dumps(body, sort_keys=True, ensure_ascii=False)
        mark = key or hashlib.sha256(f"{self.user} {path} {content}".encode()).hexdigest()
        answer = await self._request("POST", path, json=body or {}, headers={"Idempotency-Key": mark})
        return answer.json() if answer.content else None

    async def upload(self, path: str, content: bytes, media_type: str) -> Any:  # noqa: ANN401 - any JSON
        """Send a file as the body."""
        return (
            await self._request("POST", path, content=content, headers={"Content-Type": media_type})
        ).json()

    async def edit(self, method: str, path: str, body: Any, *, read: str = "") -> Any:  # noqa: ANN401 - any JSON
        """Change a record as it is now: read it (at `read` when that is elsewhere), then write with its ETag."""
        tag = (await self._request("GET", read or path)).headers["etag"]
        return (await self._request(method, path, json=body, headers={"If-Match": tag})).json()

    async def _request(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        if clock.now() >= self._token_expires_at:
            await self.sign_in()
        headers = {**given.pop("headers", {}), "Authorization": f"Bearer {self._token}"}
        answer = await self._send_with_retry(method, f"/api/v1{path}", headers=headers, **given)
        if answer.is_success:
            return answer
        raise RequestRefused(answer.status_code, _parse_problem(answer), f"{self.user} {method} {path}")

    async def _send_with_retry(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Try until the system is there: it promises that a repeated request has one effect."""
        until = clock.now() + RETRY_TIMEOUT
        while True:
            try:
                answer = await self.http.request(method, path, **given)
            except httpx.TransportError:
                if clock.now() > until:
                    raise
                await asyncio.sleep(0.2)
                continue
            twin = answer.status_code == HTTP_CONFLICT and "retry-after" in answer.headers
            if (answer.status_code not in RETRY_STATUSES and not twin) or clock.now() > until:
                return answer
            await asyncio.sleep(min(float(answer.headers.get("retry-after", DEFAULT_RETRY_AFTER_S)), 2.0))


def _parse_problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found: dict[str, Any] = answer.json()
    except ValueError:
        return {"detail": answer.text[:500]}
    return found
