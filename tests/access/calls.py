"""Every operation of every service, as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from shared.access import Grant
from shared.auth import service_token
from shared.permissions import ROLES, May, Reach, Role
from tests.access.samples import Shapes
from tests.doors import Doors

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    service: str
    method: str
    path: str
    said: dict[str, Any]

    @property
    def words(self) -> list[str]:
        """What it says about who may call it."""
        found: list[str] = self.said.get("x-permission", [])
        return found

    @property
    def mays(self) -> list[May]:
        """Permissions any of which opens it."""
        return [May(word) for word in self.words if word in May.labels()]

    @property
    def public(self) -> bool:
        """Whether anybody may call it."""
        return self.words == ["public"]

    def allows(self, role: Role) -> bool:
        """Whether the table of permissions lets the role in at all."""
        return self.words == ["signed-in"] or any(may in ROLES[role] for may in self.mays)

    def reaches(self, role: Role) -> set[Reach]:
        """How far the role's permissions go."""
        return {ROLES[role][may] for may in self.mays if may in ROLES[role]}

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def operations(service: str, app: FastAPI) -> Iterator[Operation]:
    """Every operation of a service."""
    for path, methods in app.openapi()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield Operation(service, method, path, methods[method])


class Caller:
    """A role in a region, calling a service through its door."""

    def __init__(self, doors: Doors, service: str, role: Role | None, region: str) -> None:
        app = doors.apps[service]
        self.shapes = Shapes(app.openapi(), region)
        door = doors.of(service)
        if role is None:
            self.client = door.nobody()
        elif role is Role.SERVICE:
            context = app.state.context
            self.client = door.nobody()
            token = service_token(context.settings, "neighbour", context.itself(), context.clock())
            self.client.headers["Authorization"] = f"Bearer {token}"
        else:
            self.client = door.as_(role.value, region, kind="machine" if role is Role.MACHINE else "user")
        self.client.base_url = httpx.URL("http://test")

    async def call(self, one: Operation, **more: Any) -> httpx.Response:
        """The operation with the least input that fits."""
        path, query = self.shapes.address(one.path, one.said)
        return await self.client.request(
            one.method, path, params=query, **{**self.shapes.body(one.said), **more}
        )


__all__ = ["Caller", "Grant", "Operation", "operations"]
