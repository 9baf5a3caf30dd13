"""What a step of the story is, and what the teller remembers between steps: ids and figures, nothing else."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from embedded.story.people import Person, Refused, fixed_id
from embedded.story.wait import until
from shared import clock

PASSWORD = "Zeku-2023-505"  # noqa: S105 - accounts of the story, on a machine that tells it
FIRST_PASSWORD = "Zeku-2023-first"  # noqa: S105 - the one an administrator hands out


def day(text: str, hour: int = 10) -> str:
    """A day's morning in Beijing as the API takes it."""
    return f"{text}T{hour:02d}:00:00+08:00"


@dataclass
class Story:
    """The system at one address, told about by an administrator's hand at first and by its people then."""

    http: httpx.AsyncClient
    admin: Person
    people: dict[str, Person] = field(default_factory=dict)

    def as_(self, who: str) -> Person:
        """A person of the story by role."""
        if who not in self.people:
            self.people[who] = Person(self.http, f"zeku.{who}", PASSWORD)
        return self.people[who]

    async def move(
        self, who: str, path: str, action: str, body: dict[str, Any] | None = None, *, done: Sequence[str]
    ) -> dict[str, Any]:
        """Take a record one step along its life, unless it is there (in one of `done`) or further already."""
        person = self.as_(who)
        record: dict[str, Any] = await person.get(path)
        if record["state"] not in done:
            record = await person.post(f"{path}/{action}", body or {})
        return record

    async def notice(self, who: str, path: str, level: str, starts: str, ends: str, **more: Any) -> None:  # noqa: ANN401
        """Put a notice up, once."""
        notice_id = fixed_id(f"{path} {level}")
        body = {"id": notice_id, "level": level, "starts_on": starts, "ends_on": ends, **more}
        body.setdefault("places", ["村务公开栏", "乡镇政府公示栏", "县政府网站"])
        posted: list[dict[str, Any]] = await self.as_(who).get(f"{path}/notices")
        if not any(one["id"] == notice_id for one in posted):
            await self.as_(who).post(f"{path}/notices", body)

    async def file(self, who: str, service: str, name: str, content: bytes, media_type: str) -> str:
        """Upload a file under its own id; the same one again is the first."""
        identifier = fixed_id(f"{service} {name}")
        await self.as_(who).upload(f"/{service}/files?name={name}&id={identifier}", content, media_type)
        return identifier

    async def when(self, ask: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until what one service told another has arrived."""
        await until(ask, what)


Tell = Callable[[Story], Awaitable[str]]


@dataclass(frozen=True)
class Step:
    """One step: its title, and the sentence that tells how it went."""

    title: str
    tell: Tell


def now() -> datetime:
    """The present, for what happens while the story is told."""
    return clock.now()


__all__ = ["FIRST_PASSWORD", "PASSWORD", "Refused", "Step", "Story", "day", "fixed_id", "now"]
