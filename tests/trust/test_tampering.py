"""Random tamperings with the databases of all services: each is found by fsck, or by a witness where the log was made anew."""

import base64
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import UTCDateTime
from sqlmodel.ext.asyncio.session import AsyncSession

from operations import witness
from services.attendance.fsck import TOLD_COLUMNS
from shared.app.proof_routes import sign_log_head
from shared.db import event_log, execute_core, log_seal, log_tile, new_id
from shared.db.migrate import has_database
from shared.db.row_changes import DIGEST, describe_row, get_proofs, row_key
from shared.errors import ApiError
from shared.events import audit_log, merkle, note
from shared.events.fsck import check_service, check_session
from shared.unit_of_work import ServiceContext
from tests.assets.factories_assets import AssetScenario
from tests.attendance.factories_attendance import create_account, post_json
from tests.attendance.test_months import advance_to_june, create_month
from tests.clients import VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario
from tests.households.factories_households import Monitoring
from tests.projects.factories_projects import ProjectScenario
from tests.rectification.test_items import Ledger
from tests.trust.tampering import tampered
from tests.workplan.test_targets import Office

TAMPERINGS = int(os.environ.get("TAMPERINGS", "60"))
"""Random tamperings that are tried; 1,000 by hand."""
COMPARED_COLUMNS: dict[str, tuple[str, ...]] = {
    "check_in": ("region", "created_by", *TOLD_COLUMNS),
    "ledger_account": ("balance", "closed_year", "payee", "kind", "region", "year"),
    "income_balance": ("amount",),
}
"""Tables without digests, and the columns of them that fsck compares with the log in another way."""
LOG_COLUMNS = (
    "type", "subject", "subject_version", "region", "actor", "reason", "recorded_at", "ingested_at", "before", "after",
    "person", "records",
)  # fmt: skip
OTHER_VALUES: tuple[tuple[type, Callable[[sa.Column[Any]], Any]], ...] = (
    (sa.Enum, lambda _: sa.literal_column("'other'")),
    (sa.JSON, lambda _: {"other": True}),
    (sa.Uuid, lambda _: new_id()),
    (sa.Boolean, lambda column: sa.not_(sa.func.coalesce(column, sa.false()))),
    (sa.Integer, lambda column: sa.func.coalesce(column, 0) + 1),
    (sa.Float, lambda column: sa.func.coalesce(column, 0) + 1),
    (sa.Date, lambda _: sa.literal_column("'1999-01-01'")),
    (UTCDateTime, lambda _: sa.literal_column("'1999-01-01 00:00:00'")),
    (sa.LargeBinary, lambda _: b"other"),
)
REFUSED = (sa.exc.DBAPIError, sa.exc.StatementError, ApiError)
"""The database did not take the change: nothing was tampered with."""


async def _work_in_all_services(
    doors: SystemUnderTest, door: Callable[[str], ServiceUnderTest], clock: Clock
) -> None:
    """Some records in every service, through its door."""
    await create_account(doors, "wang", "cadre", VILLAGE)
    await ProjectScenario(doors, clock).create_declared()
    await AssetScenario(doors, door("assets")).create_handed_over_asset()
    await Ledger(door).enter()
    await Office(door).set()
    await Monitoring(door).enter()
    attendance = door("attendance")
    town = attendance.client_as("town_officer")
    visit = {
        "kind": "household",
        "visited_on": "2024-05-20",
        "purpose": "care",
        "household": "甲",
        "findings": "好",
    }
    await create_month(attendance, town, clock)
    await post_json(attendance.client_as("cadre", person="li"), "/attendance/visits", visit)
    await advance_to_june(attendance, clock)
    await post_json(town, "/attendance/months/sign", {"region": VILLAGE, "month": "2024-05"}, 200)
    await doors.deliver_events()


@dataclass
class Target:
    """A service's database, and what its witness saw last."""

    context: ServiceContext
    fsck: Any
    tables: list[tuple[sa.Table, int]]
    events: int
    key: note.NoteKey
    seen: dict[str, Any]
    found: Counter[str] = field(default_factory=Counter)


async def _list_targets(doors: SystemUnderTest) -> list[Target]:
    targets = []
    for name, app in doors.apps.items():
        if not has_database(name):
            continue
        context, fsck = app.state.context, app.state.fsck
        while await audit_log.seal_rows(context):
            pass
        report = await check_service(name, context.database, fsck)
        assert (report.differences, report.log.faults) == ([], []), name
        async with context.database.read() as session:
            tables = await _count_rows(session, fsck)
            size = await merkle.read_size(session)
            if not size:
                continue
            head = await sign_log_head(context.unit_of_work(session), size)
            root = base64.b64encode(await merkle.read_root(session, size)).decode()
        key = (await doors.service(name).anonymous_client().get(f"/{name}/log/key")).json()["key"]
        seen = {"size": size, "root": root, "note": head.note}
        targets.append(Target(context, fsck, tables, size, note.parse_key(key), seen))
    return targets


async def _count_rows(session: AsyncSession, fsck: Any) -> list[tuple[sa.Table, int]]:
    compared = [fsck.metadata.tables[name] for name in COMPARED_COLUMNS if name in fsck.metadata.tables]
    counted = []
    for table in (*fsck.list_tables(), *compared):
        query = sa.select(sa.func.count()).select_from(table)
        if table.name != "rule" and (count := (await execute_core(session, query)).scalar_one()):
            counted.append((table, count))
    return counted


def _other_value(column: sa.Column[Any]) -> Any:
    return next((make(column) for kind, make in OTHER_VALUES if isinstance(column.type, kind)), "other")


def _as_sql(column: sa.Column[Any], value: Any) -> Any:
    return value if isinstance(value, sa.ColumnElement) else sa.literal(value, column.type)


def _choose_row(table: sa.Table, number: int) -> sa.ColumnElement[bool]:
    keys = list(table.primary_key)
    return sa.tuple_(*keys) == sa.select(*keys).order_by(*keys).offset(number).limit(1).scalar_subquery()


def _list_columns(table: sa.Table) -> list[sa.Column[Any]]:
    if named := COMPARED_COLUMNS.get(table.name):
        return [table.c[name] for name in named]
    proofs = get_proofs(table)
    assert proofs is not None
    left_out = proofs.derived.get(table.name, frozenset()) | {key.name for key in table.primary_key}
    return [one for one in table.columns if one.name not in left_out and not one.foreign_keys]


def _change_row(dice: random.Random, target: Target) -> tuple[str, list[sa.Executable]]:
    """A column of one row, a row removed, or a copy of a row under another key."""
    table, count = dice.choice(target.tables)
    chosen, columns = _choose_row(table, dice.randrange(count)), _list_columns(table)
    kind = dice.random()
    if kind < 0.1 or not columns:
        return f"{table.name} removed", [table.delete().where(chosen)]
    if kind < 0.2 and table.name not in COMPARED_COLUMNS:
        values = [_as_sql(one, _other_value(one)) if one.primary_key else one for one in table.columns]
        copied = table.insert().from_select(list(table.columns.keys()), sa.select(*values).where(chosen))
        return f"{table.name} slipped in", [copied]
    column = dice.choice(columns)
    change = table.update().where(chosen).values({column: _other_value(column)})
    return f"{table.name}.{column.name}", [change]


def _change_log(dice: random.Random, target: Target) -> tuple[str, list[sa.Executable]]:
    """A column of an event, an event, a seal or a tile; nothing is made anew."""
    chosen = dice.choice((event_log, event_log, event_log, log_seal, log_tile))
    row = _choose_row(chosen, 0 if chosen is log_tile else dice.randrange(target.events))
    if chosen is not log_tile and dice.random() < 0.2:
        return f"{chosen.name} removed", [chosen.delete().where(row)]
    name = dice.choice({"event_log": LOG_COLUMNS, "log_seal": ("digest", "tx")}.get(chosen.name, ("hashes",)))
    value = "0" * 64 if name == "digest" else _other_value(chosen.c[name])
    return f"{chosen.name}.{name}", [chosen.update().where(row).values({name: value})]


async def _rewrite(dice: random.Random, target: Target, session: AsyncSession) -> str:
    """Change the log, or a row with what the log says of it, or cut the end; then make all seals and tiles anew."""
    kind = dice.choice(("event", "row", "cut"))
    newest = (await execute_core(session, sa.select(sa.func.max(event_log.c.seq)))).scalar_one()
    if kind == "cut":
        await execute_core(session, event_log.delete().where(event_log.c.seq > newest - dice.randint(1, 3)))
    elif kind == "event":
        row = _choose_row(event_log, dice.randrange(target.events))
        name = dice.choice(("actor", "reason", "after", "recorded_at", "subject"))
        values = {name: _other_value(event_log.c[name])}
        await execute_core(session, event_log.update().where(row).values(values))
    else:
        kind = await _change_row_and_event(dice, target, session)
    await _seal_anew(session)
    return f"rewritten: {kind}"


async def _change_row_and_event(dice: random.Random, target: Target, session: AsyncSession) -> str:
    proved = [(table, count) for table, count in target.tables if get_proofs(table)]
    table, count = dice.choice(proved)
    # A value that the program can read, since somebody who makes the event anew has to.
    columns = [one for one in _list_columns(table) if not isinstance(one.type, sa.Enum)]
    chosen, column = _choose_row(table, dice.randrange(count)), dice.choice(columns)
    key = row_key(table, (await execute_core(session, sa.select(table).where(chosen))).one()._asdict())
    await execute_core(session, table.update().where(chosen).values({column: _other_value(column)}))
    row = (await execute_core(session, sa.select(table).where(chosen))).one()._asdict()
    log = event_log.c
    query = sa.select(log.seq, log.records).order_by(log.seq.desc())
    for event in await execute_core(session, query):
        if key in event.records.get(table.name, {}):
            told = event.records[table.name][key]
            described = describe_row(table, row)
            assert isinstance(told, dict) == isinstance(described, dict)
            assert not isinstance(told, dict) or DIGEST in told
            records = {**event.records, table.name: {**event.records[table.name], key: described}}
            change = event_log.update().where(log.seq == event.seq).values(records=records)
            await execute_core(session, change)
            return f"{table.name}.{column.name} with its event"
    raise AssertionError(f"{table.name} {key} is in no event")


async def _seal_anew(session: AsyncSession) -> None:
    await execute_core(session, log_seal.delete())
    await execute_core(session, log_tile.delete())
    query, digest, seals = sa.select(event_log).order_by(event_log.c.tx, event_log.c.seq), "0" * 64, []
    for position, row in enumerate(await execute_core(session, query), 1):
        digest = audit_log.row_digest(row, digest)
        seals.append({"position": position, "seq": row.seq, "tx": row.tx, "digest": digest})
    if seals:
        await execute_core(session, log_seal.insert(), seals)
    await merkle.grow_tree(session, len(seals))


async def _is_refused_by_witness(target: Target, session: AsyncSession) -> bool:
    """Whether the witness that saw the head before signs nothing now; the log answers as its routes do."""
    size, old = await merkle.read_size(session), target.seen["size"]
    head = await sign_log_head(target.context.unit_of_work(session), size)
    ranges = merkle.list_consistency_ranges(old, size) if size > old else []
    hashes = [base64.b64encode(one).decode() for one in await merkle.read_hashes(session, ranges)]

    def answer(request: httpx.Request) -> httpx.Response:
        body = head.model_dump() if request.url.path.endswith("/head") else {"hashes": hashes}
        return httpx.Response(200, json=body)

    with httpx.Client(base_url="http://log", transport=httpx.MockTransport(answer)) as http:
        try:
            witness.check_head(http, [target.key], target.seen)
        except witness.Misconduct:
            return True
    return False


async def _try_once(dice: random.Random, target: Target) -> tuple[str, str]:
    """One tampering: what it was, and who found it ("" for nobody)."""
    change = dice.choice((_change_row, _change_row, _change_log, None))
    name, statements = ("", []) if change is None else change(dice, target)
    async with tampered(target.context.database, *statements) as session:
        if change is None:
            name = await _rewrite(dice, target, session)
        report = await check_session(session, target.context.name, target.fsck)
        found = "fsck" if report.differences or report.log.faults else ""
        if not found and await _is_refused_by_witness(target, session):
            found = "witness"
    return name, found


@pytest.mark.timeout(3600)
async def test_no_random_tampering_with_any_database_goes_unseen(
    doors: SystemUnderTest, door: Callable[[str], ServiceUnderTest], scenario: FundsScenario, clock: Clock
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 300_00)
    await _work_in_all_services(doors, door, clock)
    targets, dice = await _list_targets(doors), random.Random(2022)
    proved = {table.name for target in targets for table, _ in target.tables}
    unseen: list[str] = []
    refused = 0
    while sum(sum(target.found.values()) for target in targets) + len(unseen) < TAMPERINGS:
        target = dice.choice(targets)
        try:
            name, found = await _try_once(dice, target)
        except REFUSED:
            refused += 1
            continue
        if found:
            target.found[found] += 1
        else:
            unseen.append(f"{target.context.name} {name}")
    for target in targets:
        sys.stdout.write(f"{target.context.name}: {dict(target.found)}\n")
    sys.stdout.write(f"refused by the database itself: {refused}\n")
    assert unseen == []
    assert {
        "check_in",
        "attendance_day",
        "visit",
        "leave_request",
        "month_sheet",
        "household",
        "asset",
    } <= proved
    assert {"fsck", "witness"} <= {one for target in targets for one in target.found}
