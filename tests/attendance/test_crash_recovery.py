"""A process killed during group commit: acknowledged check-ins are stored once, others can be sent again."""

import asyncio
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.attendance.check_ins.repository import CHECK_IN_TABLE
from shared.db import event_log, execute_core
from shared.unit_of_work import ServiceContext
from tests.attendance import check_in_worker
from tests.attendance.check_in_worker import PERSON_COUNT
from tests.clients import ServiceUnderTest
from tests.worker_processes import start_worker, wait_for_end

CHECK_INS_PER_PERSON = 40
MIN_ACKNOWLEDGED = 150
"""Acknowledged check-ins after which the first process is killed."""


def start_check_ins(context: ServiceContext, log: Path) -> BaseProcess:
    database: Any = context.database
    var = context.settings.var
    return start_worker(check_in_worker.main, database.ensure_copy(), var, str(log), CHECK_INS_PER_PERSON)


def read_acknowledged(log: Path) -> list[str]:
    """Returns the complete lines written so far."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


async def read_stored_ids(context: ServiceContext) -> tuple[list[str], list[str]]:
    """Returns ids of check-ins and subjects of their events."""
    async with context.database.read() as session:
        rows = list((await execute_core(session, sa.select(CHECK_IN_TABLE.c.id))).scalars())
        subjects = sa.select(event_log.c.subject).where(event_log.c.type == "check_in.recorded")
        return [str(id_) for id_ in rows], list((await execute_core(session, subjects)).scalars())


@pytest.mark.timeout(120)
async def test_a_killed_process_keeps_all_acknowledged_check_ins_with_their_events(
    attendance: ServiceUnderTest, tmp_path: Path
) -> None:
    context, first, second = attendance.context, tmp_path / "1.log", tmp_path / "2.log"
    worker = start_check_ins(context, first)
    while len(read_acknowledged(first)) < MIN_ACKNOWLEDGED:
        await asyncio.sleep(0.02)
        assert worker.exitcode is None
    worker.kill()
    assert await wait_for_end(worker) == -signal.SIGKILL
    acknowledged = {line.split()[0] for line in read_acknowledged(first)}
    rows, events = await read_stored_ids(context)
    assert acknowledged <= set(rows)
    assert len(rows) < PERSON_COUNT * CHECK_INS_PER_PERSON, "killed too late to prove anything"
    assert sorted(rows) == sorted(events), "a record has exactly one event"

    assert await wait_for_end(start_check_ins(context, second)) == 0
    results = dict(line.split() for line in read_acknowledged(second))
    assert len(results) == PERSON_COUNT * CHECK_INS_PER_PERSON
    assert {id_ for id_, result in results.items() if result == "duplicate"} == set(rows)
    rows, events = await read_stored_ids(context)
    assert len(rows) == PERSON_COUNT * CHECK_INS_PER_PERSON
    assert sorted(rows) == sorted(events)
