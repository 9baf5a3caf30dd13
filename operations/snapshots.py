"""One instant of the databases of all services, and whether they agree about the events between them.

Services are separate databases: no single transaction spans them. A snapshot of each is opened, one right after the other,
and then the event positions are compared (`compare_snapshots`): nobody may have received an event that its sender's
snapshot lacks, and no sender may count an event as delivered that the receiver's snapshot lacks.
"""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from operations.installation import OperationRefused, create_engine, describe_location
from shared.clients.service_names import ServiceName
from shared.db import dead_letter, event_log, inbox_position, log_cursor, log_epoch, log_seal
from shared.db.migrate import list_trees
from shared.events import Cursor, topics_for

SNAPSHOT_TABLES_IGNORED = re.compile(r"_search_fts|^sqlite_")
"""Tables of SQLite's own, and the parts of its full-text index."""


@dataclass(frozen=True)
class Disagreement:
    """Two snapshots that cannot both be of one instant."""

    sender: str
    receiver: str
    is_ahead: bool
    """The receiver holds an event that the sender lacks; else the sender counts one as delivered that it lacks."""

    def __str__(self) -> str:
        sender, receiver = ServiceName(self.sender).label, ServiceName(self.receiver).label
        if self.is_ahead:
            return f"{receiver}({self.receiver}) 收到了 {sender}({self.sender}) 的事件, 而后者的数据库里没有它: 后者是更早的副本"
        return f"{sender}({self.sender}) 已送达的事件, {receiver}({self.receiver}) 的数据库里没有: 后者是更早的副本"


class Snapshot:
    """A database as it is at the moment of opening, while others write on."""

    def __init__(self, service: str, url: str) -> None:
        self.service = service
        self.url = url
        self._stack = ExitStack()
        self.exported = ""
        """PostgreSQL's name of the snapshot, for pg_dump."""

    def open(self) -> "Snapshot":
        """Begin the read transaction; OperationRefused when there is no such database."""
        try:
            engine = create_engine(self.url)
            self._stack.callback(engine.dispose)
            self.connection = self._stack.enter_context(engine.connect())
            if engine.dialect.name == "postgresql":
                self.connection = self.connection.execution_options(isolation_level="REPEATABLE READ")
                self.exported = str(
                    self.connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
                )
            self.connection.execute(sa.select(log_epoch.c.number).limit(1)).all()
        except sa.exc.DBAPIError as error:
            self.close()
            raise OperationRefused(
                f"{self.service} 的数据库打不开, 或还没有启动过: {describe_location(self.url)} ({error.orig})"
            ) from error
        return self

    def close(self) -> None:
        """End the transaction."""
        self._stack.close()

    def describe(self) -> dict[str, Any]:
        """What a restored copy is compared with: revisions, epoch, end of the log, last seal, rows of each table."""
        rows = self.connection.execute
        epoch = rows(sa.select(log_epoch).order_by(log_epoch.c.number.desc()).limit(1)).one()
        log, seal = event_log.c, log_seal.c
        head = rows(sa.select(log.tx, log.seq).order_by(log.tx.desc(), log.seq.desc()).limit(1)).first()
        last = rows(sa.select(seal.position, seal.digest).order_by(seal.position.desc()).limit(1)).first()
        return {
            "revisions": self.read_revisions(),
            "epoch": {"number": epoch.number, "name": epoch.epoch},
            "head": list(head or (0, 0)),
            "seal": list(last or (0, "")),
            "rows": {name: self._count_rows(name) for name in self._list_tables()},
        }

    def read_revisions(self) -> dict[str, str]:
        """The revision of each tree of migrations."""
        return {
            tree.version_table: str(
                self.connection.execute(
                    sa.select(sa.table(tree.version_table, sa.column("version_num", sa.String)))
                ).scalar_one()
            )
            for tree in list_trees(self.service)
        }

    def _list_tables(self) -> list[str]:
        names = sa.inspect(self.connection).get_table_names()
        return sorted(name for name in names if not SNAPSHOT_TABLES_IGNORED.search(name))

    def _count_rows(self, name: str) -> int:
        found: int = self.connection.execute(
            sa.select(sa.func.count()).select_from(sa.table(name))
        ).scalar_one()
        return found

    def received_from(self, sender: str) -> sa.Row[Any] | None:
        """Epoch, position and id of the last event received from a service."""
        query = sa.select(inbox_position).where(inbox_position.c.service == sender)
        return self.connection.execute(query).first()

    def lacks(self, received: sa.Row[Any]) -> bool:
        """Whether somebody received an event of this log that the snapshot does not hold."""
        epochs = self.connection.execute(sa.select(log_epoch).order_by(log_epoch.c.number)).all()
        names = [one.epoch for one in epochs]
        if received.epoch not in names:
            return True
        later = epochs[names.index(received.epoch) + 1 :]
        if later and (received.tx, received.seq) > (later[0].after_tx, later[0].after_seq):
            return False  # lost with an epoch that ended: its readers have been told
        log = event_log.c
        query = sa.select(log.id).where(log.tx == received.tx, log.seq == received.seq)
        found = self.connection.execute(query).scalar_one_or_none()
        return bool(found != received.event_id)

    def counts_as_delivered(self, receiver: str, after: Cursor) -> bool:
        """Whether events for a receiver after a position count as delivered here."""
        cursor = self.connection.execute(
            sa.select(log_cursor).where(log_cursor.c.subscriber == receiver)
        ).first()
        if cursor is None:
            return False
        log, dead = event_log.c, dead_letter.c
        place = sa.tuple_(log.tx, log.seq)
        query = sa.select(log.seq).where(
            place > sa.tuple_(*map(sa.literal, after)),
            place <= sa.tuple_(sa.literal(cursor.tx), sa.literal(cursor.seq)),
            log.type.in_(topics_for(receiver)),
            log.seq.not_in(sa.select(dead.seq).where(dead.subscriber == receiver)),
        )
        return self.connection.execute(query.limit(1)).first() is not None


def compare_snapshots(snapshots: Mapping[str, Snapshot]) -> list[Disagreement]:
    """Compare what each service received with the logs of the others; empty when they can be of one instant."""
    found = []
    for sender, log in snapshots.items():
        for receiver, inbox in snapshots.items():
            if sender == receiver or not topics_for(receiver):
                continue
            received = inbox.received_from(sender)
            if received is None:  # nothing received yet, or positions were not kept then (v0.2.0)
                continue
            if log.lacks(received):
                found.append(Disagreement(sender, receiver, is_ahead=True))
            elif log.counts_as_delivered(receiver, (received.tx, received.seq)):
                found.append(Disagreement(sender, receiver, is_ahead=False))
    return found
