"""Figures that are asked for when `/metrics` is read: lag of relay and seals, parked events, pool, disk, stored files."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from prometheus_client.metrics_core import GaugeMetricFamily
from sqlalchemy.pool import QueuePool
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import event_log, execute_core, file, log_seal
from shared.errors import ApiError
from shared.events import after_cursor, outbox_cursors, topics_for
from shared.events.epoch import find_last_position
from shared.http.overload import PROCESS_LOAD
from shared.metrics import EXPECTED_WAIT, IN_PROGRESS
from shared.unit_of_work import ServiceContext


@dataclass(frozen=True)
class Reading:
    """One figure: name, explanation, labels, value."""

    name: str
    help: str
    labels: dict[str, str]
    value: float


class ReadingsCollector:
    """Readings as a collector of prometheus_client."""

    def __init__(self, service: str, readings: list[Reading]) -> None:
        self.service = service
        self.readings = readings

    def collect(self) -> Iterator[Any]:
        """Each reading as a gauge, those of one name together."""
        families: dict[str, GaugeMetricFamily] = {}
        for one in self.readings:
            if one.name not in families:
                families[one.name] = GaugeMetricFamily(one.name, one.help, labels=("service", *one.labels))
            families[one.name].add_metric((self.service, *one.labels.values()), one.value)
        yield from families.values()


async def read_gauges(context: ServiceContext) -> list[Reading]:
    """The figures of one service now; `xianjie_up` is 0 when its database does not answer."""
    EXPECTED_WAIT.set(PROCESS_LOAD.expect_wait() if PROCESS_LOAD.under_way else 0)
    IN_PROGRESS.set(PROCESS_LOAD.under_way)
    found = [*_read_pools(context), *_read_disk(context)]
    try:
        async with context.database.read() as session:
            found += await _read_log(session, context)
    except ApiError:
        return [*found, Reading("xianjie_up", "Whether the database answers", {}, 0)]
    return [*found, Reading("xianjie_up", "Whether the database answers", {}, 1)]


def _read_pools(context: ServiceContext) -> list[Reading]:
    engines = {"writer": context.database.writer, "reader": context.database.reader}
    pools = {name: engine.sync_engine.pool for name, engine in engines.items()}
    if pools["writer"] is pools["reader"]:
        pools = {"all": pools["writer"]}
    name, words = "xianjie_database_pool_connections", "Connections by state: in use, idle"
    return [
        Reading(name, words, {"pool": pool, "state": state}, value)
        for pool, one in pools.items()
        if isinstance(one, QueuePool)
        for state, value in (("in_use", one.checkedout()), ("idle", one.checkedin()))
    ]


def _read_disk(context: ServiceContext) -> list[Reading]:
    folder = context.settings.var if context.settings.var.exists() else context.settings.var.absolute().anchor
    return [
        Reading(
            "xianjie_disk_free_bytes", "Free space of the data folder", {}, shutil.disk_usage(folder).free
        )
    ]


async def _read_log(session: AsyncSession, context: ServiceContext) -> list[Reading]:
    found, now = [], context.clock()
    for one in await outbox_cursors.list_cursors(session, topics_for):
        who = {"subscriber": one.subscriber}
        found += [
            Reading(
                "xianjie_relay_waiting_events", "Events not delivered yet, at most 10,000", who, one.waiting
            ),
            Reading("xianjie_relay_failures", "Deliveries that failed in a row", who, one.failures),
            Reading(
                "xianjie_parked_events", "Events that a subscriber refused, or behind one", who, one.parked
            ),
        ]
        oldest = await _oldest_waiting(session, one.subscriber) if one.waiting else None
        age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        found.append(Reading("xianjie_relay_lag_seconds", "Age of the oldest event not delivered", who, age))
    unsealed, oldest = await _read_unsealed(session)
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    kept = sa.select(sa.func.count(), sa.func.sum(file.c.size))
    stored: Any = (await execute_core(session, kept)).one()
    return [
        *found,
        Reading("xianjie_unsealed_events", "Events of the log without a seal, at most 10,000", {}, unsealed),
        Reading("xianjie_seal_lag_seconds", "Age of the oldest event without a seal", {}, age),
        Reading("xianjie_stored_files", "Files kept", {}, stored[0]),
        Reading("xianjie_stored_file_bytes", "Bytes of all files kept", {}, float(stored[1] or 0)),
        Reading("xianjie_log_events", "Events of the log", {}, (await find_last_position(session))[1]),
    ]


async def _oldest_waiting(session: AsyncSession, subscriber: str) -> Any | None:  # noqa: ANN401 - a time
    reader, topics = await outbox_cursors.find_cursor(session, subscriber), topics_for(subscriber)
    if reader is None:
        return None
    conditions = [event_log.c.type.in_(topics)] if topics else []
    query = sa.select(event_log.c.ingested_at).where(after_cursor(reader.cursor), *conditions)
    first = query.order_by(event_log.c.tx, event_log.c.seq).limit(1)
    return (await execute_core(session, first)).scalar_one_or_none()


async def _read_unsealed(session: AsyncSession) -> tuple[int, Any | None]:
    seal = sa.select(log_seal.c.tx, log_seal.c.seq).order_by(log_seal.c.position.desc()).limit(1)
    last = (await execute_core(session, seal)).first()
    cursor = (last.tx, last.seq) if last is not None else (0, 0)
    waiting = await outbox_cursors.count_pending(session, cursor)
    oldest = sa.select(event_log.c.ingested_at).where(after_cursor(cursor))
    first = oldest.order_by(event_log.c.tx, event_log.c.seq).limit(1)
    return waiting, (await execute_core(session, first)).scalar_one_or_none() if waiting else None
