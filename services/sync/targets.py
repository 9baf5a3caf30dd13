"""The routes that items may name: what every service says of itself, kept in memory (shared/app/batch_routes.py)."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.auth import May
from shared.errors import ApiError
from shared.records.phone_tables import PhoneTable
from shared.unit_of_work import ServiceClient, ServiceContext

CONTEXT_KEY = "targets"
FRESH = timedelta(minutes=10)
FRESH_WITH_GAPS = timedelta(seconds=5)
"""How long a table is used in which a service is missing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A route that items may name."""

    method: str
    pattern: re.Pattern[str]
    permissions: tuple[May, ...]
    takes_id: bool
    """Whether it makes a record that takes the phone's own id."""


@dataclass
class Targets:
    """Prefixes, batchable routes and tables of the services that answered; `missing` did not."""

    read_at: datetime
    prefixes: dict[str, str] = field(default_factory=dict)
    routes: dict[str, list["Target"]] = field(default_factory=dict)
    plain_routes: dict[tuple[str, str], "Target"] = field(default_factory=dict)
    """(method, path) → route, of those without variable parts: most items name one."""
    tables: dict[str, PhoneTable] = field(default_factory=dict)
    """The kinds that phones keep, by name."""
    owners: dict[str, str] = field(default_factory=dict)
    """Kind → the service that has it."""
    missing: list[str] = field(default_factory=list)

    def find_service(self, path: str) -> str:
        """The service that owns a path; empty when none that answered does."""
        return self.prefixes.get("/".join(path.split("/")[:4]), "")

    def list_permissions(self, service: str, method: str, path: str) -> tuple[May, ...]:
        """The permissions of which one lets a caller in; empty where every signed-in caller may ask."""
        found = self.find_route(service, method, path)
        return () if found is None else found.permissions

    def find_route(self, service: str, method: str, path: str) -> "Target | None":
        """The route of this request, if the service lets it come in a batch."""
        plain = self.plain_routes.get((method, path))
        if plain is not None:
            return plain
        routes = self.routes[service]
        return next((one for one in routes if one.method == method and one.pattern.fullmatch(path)), None)


async def load_targets(context: ServiceContext) -> Targets:
    """The table, read again when it is old."""
    found: Targets | None = context.memory.get(CONTEXT_KEY)
    now = context.clock()
    if found is not None and now - found.read_at < (FRESH_WITH_GAPS if found.missing else FRESH):
        return found
    made = Targets(now)
    for service in context.clients.list_services():
        if service != context.name:
            await _read_service(context, service, made)
    context.memory[CONTEXT_KEY] = made
    return made


async def _read_service(context: ServiceContext, service: str, targets: Targets) -> None:
    client = ServiceClient(context, service, context.service_actor(), context.clock())
    try:
        answer = await client.request("GET", "/internal/batch-routes")
    except ApiError:
        targets.missing.append(service)
        return
    targets.tables |= {one["name"]: PhoneTable.model_validate(one) for one in answer["tables"]}
    targets.owners |= dict.fromkeys([one["name"] for one in answer["tables"]], service)
    targets.prefixes |= dict.fromkeys(answer["prefixes"], service)
    targets.routes[service] = [
        Target(
            one["method"],
            re.compile(_to_pattern(one["path"])),
            tuple(May(word) for word in one["permissions"]),
            one.get("takes_id", False),  # a replica of the last release does not say
        )
        for one in answer["items"]
    ]
    targets.plain_routes |= {
        (one["method"], one["path"]): target
        for one, target in zip(answer["items"], targets.routes[service], strict=True)
        if "{" not in one["path"]
    }


def _to_pattern(path: str) -> str:
    return "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/"))
