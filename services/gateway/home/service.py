"""Home page: what waits for the caller in every service, and what their role may start."""

from typing import Any

from services.gateway.fan_out import FanOut, gather
from services.gateway.home.schemas import (
    Home,
    HomeShortcutRead,
    OwnDataOfAll,
    RoleRead,
    TodoItem,
    WorkRowRead,
)
from shared.auth import Actor, May
from shared.http import API_PREFIX
from shared.records.own_data import OWN_DATA_PATH, OwnData
from shared.unit_of_work import CHINA_TIME_ZONE

WORKLIST_PATH = "/internal/worklist"
OWN_ACCOUNT_PATHS = {
    "account": "/auth/me",
    "sessions": "/auth/sessions",
    "devices": "/auth/devices",
    "second_factor": "/auth/second-factor",
}
"""Name of a part of the account in `OwnDataOfAll` → its address at identity."""
FIRST_ROWS = 10
"""The most urgent records that the home page shows."""
Part = dict[str, Any]


async def get_home(fan_out: FanOut, actor: Actor) -> Home:
    """Build the home page of an actor; unavailable services are listed in `missing`."""
    services = fan_out.context.clients.list_services()
    answers = await gather(
        fan_out.get_internal(name, WORKLIST_PATH, {"first": FIRST_ROWS}) for name in services
    )
    parts: list[Part] = [answer for answer in answers if answer is not None]
    inbox = [_build_todo_item(part["service"], item) for part in parts for item in part["items"]]
    rows = [WorkRowRead(service=part["service"], **row) for part in parts for row in part["first"]]
    return Home(
        person=actor.id,
        name=actor.name,
        organisation=actor.organisation,
        roles=[
            RoleRead(role=grant.role, label=grant.role.label, region=grant.region) for grant in actor.grants
        ],
        today=fan_out.context.clock().astimezone(CHINA_TIME_ZONE).date(),
        inbox=inbox,
        waiting=sum(item.count for item in inbox),
        late=sum(item.late for item in inbox),
        first=sorted(rows, key=WorkRowRead.urgency)[:FIRST_ROWS],
        shortcuts=[*_list_shortcuts(parts), *_list_own_shortcuts(actor)],
        missing=list(fan_out.unavailable.values()),
    )


async def get_own_data(fan_out: FanOut, actor: Actor) -> OwnDataOfAll:
    """What all services hold about the person who asks; unavailable services are listed in `missing`."""
    services = fan_out.context.clients.list_services()
    answers = await gather(fan_out.get_internal(name, OWN_DATA_PATH) for name in services)
    account = await gather(fan_out.get_or_none("identity", path) for path in OWN_ACCOUNT_PATHS.values())
    return OwnDataOfAll(
        person=actor.id,
        name=actor.name,
        made_at=fan_out.context.clock(),
        account={
            name: part for name, part in zip(OWN_ACCOUNT_PATHS, account, strict=True) if part is not None
        },
        services=[OwnData.model_validate(answer) for answer in answers if answer is not None],
        missing=list(fan_out.unavailable.values()),
    )


def _build_todo_item(service: str, item: Part) -> TodoItem:
    return TodoItem(service=service, **{name: item[name] for name in TodoItem.model_fields if name in item})


def _list_shortcuts(parts: list[Part]) -> list[HomeShortcutRead]:
    return [HomeShortcutRead(service=part["service"], **one) for part in parts for one in part["shortcuts"]]


def _list_own_shortcuts(actor: Actor) -> list[HomeShortcutRead]:
    """What the gateway itself offers."""
    if not actor.can(May.OVERVIEW_READ):
        return []
    return [
        HomeShortcutRead(label="看总览", service="gateway", method="GET", address=f"{API_PREFIX}/overview")
    ]
