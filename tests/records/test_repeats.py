"""An action sent once more without a key, because its answer was lost: 200 with what stands, for every lifecycle."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from embedded.system import list_services
from services.projects.projects.transitions import NO_TOWN_REASON
from shared.auth import ROLES, May, Reach, Role
from shared.db import event_log, new_id
from shared.lifecycle import Lifecycle
from shared.records.kind_routes import BoundKind
from tests.access.sample_values import (
    REGION_INSIDE,
    SAMPLE_ID,
    SAMPLE_INSTANT,
    SampleInputs,
    fill_with_sample_rows,
)
from tests.clients import SystemUnderTest

KIND_SERVICES = [name for name in list_services() if name not in {"gateway", "sync", "files"}]
NOT_ANSWERED = {
    "complaint": "its address shows what its author may read",
    "day_objection": "its moves are made at the address of complaints",
    "month_sheet": "a move names region and month in its body, so that no address shows what stands",
}
"""Kinds whose repeats stay 409 or are tried under another kind, each with the reason."""
USUAL_REASONS = {("project", "submit"): NO_TOWN_REASON}
"""Reasons that a service writes when none is given."""


def list_moves(app: Any) -> Iterator[tuple[BoundKind, Any, Any]]:
    """Every move that cannot be made again from where it leads, with a state it comes from."""
    for bound in app.state.kinds:
        life: Lifecycle[Any, Any, Any] | None = bound.kind.lifecycle
        if life is None or bound.kind.name in NOT_ANSWERED:
            continue
        for row in life.transitions:
            if row.target is not None and not any(
                one.action is row.action for one in life.transitions_from(row.target)
            ):
                yield bound, row, min(row.sources)


def find_role(may: May) -> Role:
    return next(role for role in Role if may in ROLES[role] and role not in {Role.SERVICE, Role.MACHINE})


class Played:
    """A record that somebody moved, as its table and the log hold it."""

    def __init__(self, doors: SystemUnderTest, service: str, bound: BoundKind, row: Any, source: Any) -> None:
        self.doors, self.service, self.bound, self.row, self.source = doors, service, bound, row, source
        self.context = doors.apps[service].state.context
        self.inputs = SampleInputs(doors.apps[service].openapi(), REGION_INSIDE)

    async def store(self, role: Role) -> str:
        """Put the record into the state to which the move leads, and the move into the log; who made it."""
        kind, since = self.bound.kind, SAMPLE_INSTANT + timedelta(days=1)
        table = kind.table
        async with self.context.database.writer.begin() as connection:
            row: Any = (await connection.execute(sa.select(table).where(table.c.id == SAMPLE_ID))).one()
            is_own = ROLES[role][self.row.may] is Reach.SELF and kind.owner
            person, version = getattr(row, kind.owner) if is_own else "li", row.version + 1
            moved = {"state": self.row.target, "state_since": since, "version": version}
            await connection.execute(sa.update(table).where(table.c.id == SAMPLE_ID).values(moved))
            event = {
                "tx": 0,
                "id": new_id(),
                "type": (*self.bound.kind.topics, "sample.moved")[0],
                "subject": str(SAMPLE_ID),
                "subject_version": version,
                "region": REGION_INSIDE,
                "actor": person,
                "recorded_at": since,
                "ingested_at": since,
                "reason": USUAL_REASONS.get((kind.name, str(self.row.action)), ""),
                "before": {"state": self.source},
                "after": {},
            }
            await connection.execute(sa.insert(event_log).values(event))
        return str(person)

    async def send(self, role: Role, person: str, **body: Any) -> Any:
        """The action once more."""
        known, operation = self._find_address()
        address = _fill(known).replace("{action}", str(self.row.action))
        sent = self.inputs.build_body(operation).get("json") or {}
        client = self.doors.service(self.service).client_as(role.value, REGION_INSIDE, person=person)
        client.base_url = httpx.URL("http://test")
        return await client.post(address, json={**sent, **body})

    def _find_address(self) -> tuple[str, Any]:
        path = _blank(f"/api/v1{self.bound.kind.move_address}")
        for known, one in self.doors.apps[self.service].openapi()["paths"].items():
            head, _, last = known.rpartition("/")
            if "post" in one and _blank(head) == path and last in {"{action}", str(self.row.action)}:
                return known, one["post"]
        raise LookupError(path, self.row.action)


def _blank(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "{}", path)


def _fill(path: str) -> str:
    return "/".join(
        str(SAMPLE_ID) if part.startswith("{") and part != "{action}" else part for part in path.split("/")
    )


@pytest.mark.parametrize("service", KIND_SERVICES)
async def test_a_repeat_of_every_move_is_answered_by_what_stands(
    doors: SystemUnderTest, service: str
) -> None:
    await fill_with_sample_rows(doors, service)
    wrong = []
    for bound, row, source in list_moves(doors.apps[service]):
        played, role = Played(doors, service, bound, row, source), find_role(row.may)
        person = await played.store(role)
        same = await played.send(role, person)
        words = await played.send(role, person, reason="另一个理由")
        other = await played.send(role, "zhang")
        found = (same.status_code, words.status_code, other.status_code)
        assert (same.status_code == 200) == ("idempotent-replayed" in same.headers)
        if (
            found not in {(200, 409, 409), (200, 409, 404)}
            or same.json().get("state", row.target) != row.target
        ):
            wrong.append(f"{bound.kind.name} {row.action} {role.value} {found} {same.text[:200]}")
    assert not wrong, "\n".join(wrong)
