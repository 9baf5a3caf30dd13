"""Ask the services at the same time for their parts of the bootstrap, in the caller's own name."""

import asyncio
from typing import Any

from services.sync.bootstrap.schemas import Bootstrap, BootstrapPerson, BootstrapRole, BootstrapTodo
from services.sync.delegation import Delegate
from shared.auth import Actor, May
from shared.errors import Unavailable
from shared.unit_of_work import ServiceContext

FIRST_ROWS = 5
FIELD_SERVICE = "attendance"
HTTP_OK = 200


async def get_bootstrap(context: ServiceContext, actor: Actor) -> Bootstrap:
    """Everything in one answer; what a service that is away would say is left out, and the service named."""
    delegate = Delegate(context, actor)
    services = [one for one in context.clients.list_services() if one != context.name]
    described, waiting, field = await asyncio.gather(
        asyncio.gather(*(_ask(delegate, one, "/internal/meta") for one in services)),
        asyncio.gather(*(_ask(delegate, one, f"/internal/worklist?first={FIRST_ROWS}") for one in services)),
        _ask(delegate, FIELD_SERVICE, "/internal/field-days"),
    )
    parts = [one for one in waiting if one is not None]
    return Bootstrap(
        server_time=context.clock(),
        me=describe_person(actor),
        field=field,
        codes=_collect_codes([one for one in described if one is not None]),
        todo=[
            BootstrapTodo(service=part["service"], **{name: item[name] for name in TODO_FIELDS})
            for part in parts
            for item in part["items"]
        ],
        first=sorted((row for part in parts for row in part["first"]), key=_urgency)[:FIRST_ROWS],
        missing=[name for name, part in zip(services, waiting, strict=True) if part is None],
    )


TODO_FIELDS = ("key", "label", "kind", "count", "late", "rows")


def describe_person(actor: Actor) -> BootstrapPerson:
    """The caller, with every permission that any grant gives."""
    return BootstrapPerson(
        id=actor.id,
        name=actor.name,
        organisation=actor.organisation,
        roles=[BootstrapRole(role=one.role, label=one.role.label, region=one.region) for one in actor.grants],
        may=[may for may in May if actor.can(may)],
    )


def _collect_codes(parts: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Code sets of the kinds that phones keep: those that their columns and states name."""
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        named = {
            column["codes"]
            for kind in part["kinds"]
            if kind["phone"]
            for column in (*kind["columns"], *kind["filters"])
            if column["codes"]
        }
        for name in sorted(named & set(part["code_sets"])):
            found[name] = {one["code"]: one["label"] for one in part["code_sets"][name]}
    return found


def _urgency(row: dict[str, Any]) -> tuple[bool, str, str]:
    return not row["late"], row["due_on"] or "9999", row["since"]


async def _ask(delegate: Delegate, service: str, path: str) -> Any | None:  # noqa: ANN401 - any JSON
    try:
        answer = await delegate.send(service, "GET", path)
    except Unavailable:
        return None
    return answer.json() if answer.status_code == HTTP_OK else None
