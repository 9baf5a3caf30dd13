"""What a step of the story is, and what the teller remembers between steps: ids and figures, nothing else."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from operations.demo.polling import poll_until
from operations.demo.users import DemoUser, RequestRefused, derive_id
from shared import clock

USER_PASSWORD = "Zeku-2023-505"  # noqa: S105 - accounts of the story, on a machine that tells it
FIRST_PASSWORD = "Zeku-2023-first"  # noqa: S105 - the one an administrator hands out


def format_time(text: str, hour: int = 10) -> str:
    """A day's morning in Beijing as the API takes it."""
    return f"{text}T{hour:02d}:00:00+08:00"


@dataclass
class DemoRun:
    """The system at one address, told about by an administrator's hand at first and by its people then."""

    http: httpx.AsyncClient
    admin: DemoUser
    users: dict[str, DemoUser] = field(default_factory=dict)

    def as_user(self, who: str) -> DemoUser:
        """A person of the story by role."""
        if who not in self.users:
            self.users[who] = DemoUser(self.http, f"zeku.{who}", USER_PASSWORD)
        return self.users[who]

    async def transition(
        self, who: str, path: str, action: str, body: dict[str, Any] | None = None, *, done: Sequence[str]
    ) -> dict[str, Any]:
        """Take a record one step along its life, unless it is there (in one of `done`) or further already."""
        person = self.as_user(who)
        record: dict[str, Any] = await person.get(path)
        if record["state"] not in done:
            record = await person.post(f"{path}/{action}", body or {})
        return record

    async def post_notice(self, who: str, path: str, level: str, starts: str, ends: str, **more: Any) -> None:  # noqa: ANN401
        """Put a notice up, once."""
        notice_id = derive_id(f"{path} {level}")
        body = {"id": notice_id, "level": level, "starts_on": starts, "ends_on": ends, **more}
        body.setdefault("places", ["村务公开栏", "乡镇政府公示栏", "县政府网站"])
        posted: list[dict[str, Any]] = await self.as_user(who).get(f"{path}/notices")
        if not any(one["id"] == notice_id for one in posted):
            await self.as_user(who).post(f"{path}/notices", body)

    async def upload_file(self, who: str, service: str, name: str, content: bytes, media_type: str) -> str:
        """Upload a file under its own id; the same one again is the first."""
        identifier = derive_id(f"{service} {name}")
        await self.as_user(who).upload(f"/{service}/files?name={name}&id={identifier}", content, media_type)
        return identifier

    async def wait_until(self, ask: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until what one service told another has arrived."""
        await poll_until(ask, what)


StepFunction = Callable[[DemoRun], Awaitable[str]]


@dataclass(frozen=True)
class Step:
    """One step: its title, and the sentence that tells how it went."""

    title: str
    run: StepFunction


def get_current_time() -> datetime:
    """The present, for what happens while the story is told."""
    return clock.now()


__all__ = [
    "FIRST_PASSWORD",
    "USER_PASSWORD",
    "DemoRun",
    "RequestRefused",
    "Step",
    "derive_id",
    "format_time",
    "get_current_time",
]
