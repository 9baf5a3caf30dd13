"""The steps of the demonstration and the operations they share."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from operations.demo.documents import build_pdf
from operations.demo.polling import poll_until
from operations.demo.users import DemoUser, derive_id
from shared import clock

USER_PASSWORD = "Zeku-2023-505"  # noqa: S105 - demo accounts only
FIRST_PASSWORD = "Zeku-2023-first"  # noqa: S105 - initial password set by the administrator


def format_time(day: str, hour: int = 10) -> str:
    """Format a day (YYYY-MM-DD) and hour of Beijing time as the API expects it."""
    return f"{day}T{hour:02d}:00:00+08:00"


@dataclass
class DemoRun:
    """One run against a system: the HTTP client, the administrator, and the demo users."""

    http: httpx.AsyncClient
    admin: DemoUser
    users: dict[str, DemoUser] = field(default_factory=dict)

    def as_user(self, name: str) -> DemoUser:
        """The demo user with this name."""
        if name not in self.users:
            self.users[name] = DemoUser(self.http, f"zeku.{name}", USER_PASSWORD)
        return self.users[name]

    async def transition(
        self, user: str, path: str, action: str, body: dict[str, Any] | None = None, *, done: Sequence[str]
    ) -> dict[str, Any]:
        """Apply a transition to a record unless it already is in one of the states `done`; returns the record."""
        person = self.as_user(user)
        record: dict[str, Any] = await person.get(path)
        if record["state"] not in done:
            record = await person.post(f"{path}/{action}", body or {})
        return record

    async def post_notice(
        self,
        user: str,
        path: str,
        level: str,
        starts: str,
        ends: str,
        **more: Any,  # noqa: ANN401 - JSON fields
    ) -> None:
        """Post a notice with the scan of its board, unless it exists."""
        notice_id = derive_id(f"{path} {level}")
        body = {"id": notice_id, "level": level, "starts_on": starts, "ends_on": ends, **more}
        body.setdefault("places", ["村务公开栏", "乡镇政府公示栏", "县政府网站"])
        notices: list[dict[str, Any]] = await self.as_user(user).get(f"{path}/notices")
        if not any(notice["id"] == notice_id for notice in notices):
            service = path.split("/")[1]
            board = build_pdf("公示栏", f"{path} {level}", f"{starts} 至 {ends}")
            name = f"{path.rsplit('/', 1)[1]}-{level}.pdf"
            body["photo"] = await self.upload_file(user, service, name, board, "application/pdf")
            await self.as_user(user).post(f"{path}/notices", body)

    async def upload_file(self, user: str, service: str, name: str, content: bytes, media_type: str) -> str:
        """Upload a file with an id derived from its name; returns the id."""
        file_id = derive_id(f"{service} {name}")
        await self.as_user(user).upload(f"/{service}/files?name={name}&id={file_id}", content, media_type)
        return file_id

    async def wait_until(self, condition: Callable[[], Awaitable[bool]], description: str) -> None:
        """Poll until the condition is true; raises TimeoutError with the description."""
        await poll_until(condition, description)


StepFunction = Callable[[DemoRun], Awaitable[str]]


@dataclass(frozen=True)
class DemoStep:
    """One step: its title, and the function that runs it and returns a summary in Chinese."""

    title: str
    run: StepFunction


def get_current_time() -> datetime:
    """The current time, for records that are not dated in the past."""
    return clock.now()
