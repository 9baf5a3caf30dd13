"""HTTP clients of the demo users: sign in, retry lost requests, and raise on a refusal."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared import clock

RETRY_TIMEOUT = timedelta(seconds=240)
"""How long a request is retried while a part of the system is unavailable."""
RETRY_STATUSES = frozenset({429, 502, 503, 504})
HTTP_OK, HTTP_CREATED, HTTP_CONFLICT, HTTP_PRECONDITION_FAILED = 200, 201, 409, 412
DEFAULT_RETRY_AFTER_S = "1"


class RequestRefused(Exception):
    """The system refused a request; carries the status and the problem document."""

    def __init__(self, status: int, problem: dict[str, Any], request: str) -> None:
        details = "; ".join(error.get("detail", "") for error in problem.get("errors", []))
        super().__init__(f"{request}: {status} {problem.get('detail', problem)} {details}".strip())
        self.status = status
        self.problem = problem


def derive_id(name: str) -> str:
    """Derive a UUIDv7 from a name; a second run therefore creates no second record."""
    digest = hashlib.sha256(f"xianjie story: {name}".encode()).digest()
    timestamp_ms = 1_686_240_000_000  # 2023-06-09, the first day of the notice
    tail = int.from_bytes(digest[:10], "big") & ((1 << 62) - 1)
    high = int.from_bytes(digest[10:12], "big") & 0xFFF
    return str(UUID(int=(timestamp_ms << 80) | (7 << 76) | (high << 64) | (2 << 62) | tail))


class DemoUser:
    """A user with an account, who sends requests to the gateway."""

    def __init__(self, http: httpx.AsyncClient, user: str, password: str) -> None:
        self.http = http
        self.user = user
        self.password = password
        self._token = ""
        self._token_expires_at = clock.now()

    async def sign_in(self) -> None:
        """Get a new access token; raises RequestRefused when the password is wrong."""
        form = {"grant_type": "password", "username": self.user, "password": self.password}
        answer = await self._send_with_retry("POST", "/api/v1/auth/token", data=form)
        content = answer.json()
        if answer.status_code != HTTP_OK:
            raise RequestRefused(answer.status_code, content, f"登录 {self.user}")
        self._token = content["access_token"]
        self._token_expires_at = clock.now() + timedelta(seconds=content["expires_in"] - 60)

    async def get(self, path: str, **params: Any) -> Any:  # noqa: ANN401 - any JSON
        """Read JSON."""
        return (await self._request("GET", path, params=params)).json()

    async def post(self, path: str, body: Any = None, *, key: str = "") -> Any:  # noqa: ANN401 - any JSON
        """Post JSON with an idempotency key, by default derived from user, path and body, so that retries have one effect."""
        content = json.dumps(body, sort_keys=True, ensure_ascii=False)
        idempotency_key = key or hashlib.sha256(f"{self.user} {path} {content}".encode()).hexdigest()
        answer = await self._request(
            "POST", path, json=body or {}, headers={"Idempotency-Key": idempotency_key}
        )
        return answer.json() if answer.content else None

    async def upload(self, path: str, content: bytes, media_type: str) -> Any:  # noqa: ANN401 - any JSON
        """Post a file as the request body."""
        return (
            await self._request("POST", path, content=content, headers={"Content-Type": media_type})
        ).json()

    async def edit(self, method: str, path: str, body: Any, *, read: str = "") -> Any:  # noqa: ANN401 - any JSON
        """Read a record (at `read` if given, else at `path`) and write the change with its ETag; again when it changed meanwhile."""
        until = clock.now() + RETRY_TIMEOUT
        while True:
            tag = (await self._request("GET", read or path)).headers["etag"]
            try:
                return (await self._request(method, path, json=body, headers={"If-Match": tag})).json()
            except RequestRefused as refused:
                if refused.status != HTTP_PRECONDITION_FAILED or clock.now() > until:
                    raise

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        if clock.now() >= self._token_expires_at:
            await self.sign_in()
        headers = {**options.pop("headers", {}), "Authorization": f"Bearer {self._token}"}
        answer = await self._send_with_retry(method, f"/api/v1{path}", headers=headers, **options)
        if answer.is_success:
            return answer
        raise RequestRefused(answer.status_code, _parse_problem(answer), f"{self.user} {method} {path}")

    async def _send_with_retry(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Send until the system is available; every request is safe to repeat."""
        until = clock.now() + RETRY_TIMEOUT
        while True:
            try:
                answer = await self.http.request(method, path, **options)
            except httpx.TransportError:
                if clock.now() > until:
                    raise
                await asyncio.sleep(0.2)
                continue
            in_progress = answer.status_code == HTTP_CONFLICT and "retry-after" in answer.headers
            if (answer.status_code not in RETRY_STATUSES and not in_progress) or clock.now() > until:
                return answer
            await asyncio.sleep(min(float(answer.headers.get("retry-after", DEFAULT_RETRY_AFTER_S)), 2.0))


def _parse_problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem: dict[str, Any] = answer.json()
    except ValueError:
        return {"detail": answer.text[:500]}
    return problem
