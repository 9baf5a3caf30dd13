"""Every operation of every service, as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from shared.auth import ROLES, Grant, May, Reach, Role
from tests.access.sample_values import SampleInputs
from tests.clients import SystemUnderTest

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    service: str
    method: str
    path: str
    spec: dict[str, Any]

    @property
    def permission_labels(self) -> list[str]:
        """What it says about who may call it."""
        found: list[str] = self.spec.get("x-permission", [])
        return found

    @property
    def permissions(self) -> list[May]:
        """Permissions any of which opens it."""
        return [May(word) for word in self.permission_labels if word in May.labels()]

    @property
    def is_public(self) -> bool:
        """Whether anybody may call it."""
        return self.permission_labels == ["public"]

    def allows_role(self, role: Role) -> bool:
        """Whether the table of permissions lets the role in at all."""
        return self.permission_labels == ["signed-in"] or any(may in ROLES[role] for may in self.permissions)

    def get_reach(self, role: Role) -> set[Reach]:
        """How far the role's permissions go."""
        return {ROLES[role][may] for may in self.permissions if may in ROLES[role]}

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def list_operations(service: str, app: FastAPI) -> Iterator[Operation]:
    """Every operation of a service."""
    for path, methods in app.openapi()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield Operation(service, method, path, methods[method])


class RoleClient:
    """A role in a region, calling a service through its door, or `through` the gateway of all."""

    def __init__(
        self, doors: SystemUnderTest, service: str, role: Role | None, region: str, *, through: str = ""
    ) -> None:
        app = doors.apps[service]
        self.sample_inputs = SampleInputs(app.openapi(), region)
        door = doors.service(through or service)
        if role is None:
            self.client = door.anonymous_client()
        elif role is Role.SERVICE:
            self.client = door.anonymous_client()
            sender = "funds" if service == "projects" else "projects"
            token = doors.service_token(sender, service)
            self.client.headers["Authorization"] = f"Bearer {token}"
        else:
            self.client = door.client_as(
                role.value, region, kind="machine" if role is Role.MACHINE else "user"
            )
        self.client.base_url = httpx.URL("http://test")

    async def send_request(self, one: Operation, **more: Any) -> httpx.Response:
        """The operation with the least input that fits."""
        path, query = self.sample_inputs.build_path(one.path, one.spec)
        return await self.client.request(
            one.method, path, params=query, **{**self.sample_inputs.build_body(one.spec), **more}
        )


__all__ = ["Grant", "Operation", "RoleClient", "list_operations"]
