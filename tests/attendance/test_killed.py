"""A process killed while many share a commit: what was acknowledged is there once, what was not can be sent again."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.attendance.check_ins.repository import TABLE
from shared.db import run
from shared.tables import event_log
from shared.work import Context
from tests.attendance.tapper import PERSONS
from tests.doors import Door

ROOT = Path(__file__).parents[2]
EACH = 40
ENOUGH = 150
"""Acknowledged check-ins after which the first process is killed."""


async def start(context: Context, log: Path) -> asyncio.subprocess.Process:
    database: Any = context.database
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.attendance.tapper",
        database.here(), str(context.settings.var), str(log), str(EACH),
        cwd=ROOT,
    )  # fmt: skip


def acknowledged(log: Path) -> list[str]:
    """The lines written so far; a torn last one was not."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


async def kept(context: Context) -> tuple[list[str], list[str]]:
    """Ids of check-ins and subjects of their events."""
    async with context.database.read() as session:
        rows = list((await run(session, sa.select(TABLE.c.id))).scalars())
        told = sa.select(event_log.c.subject).where(event_log.c.type == "check_in.recorded")
        return [str(one) for one in rows], list((await run(session, told)).scalars())


@pytest.mark.timeout(120)
async def test_a_process_killed_in_the_middle_loses_nothing_it_acknowledged_and_leaves_no_half(
    attendance: Door, tmp_path: Path
) -> None:
    context, first, second = attendance.context, tmp_path / "1.log", tmp_path / "2.log"
    victim = await start(context, first)
    while len(acknowledged(first)) < ENOUGH:
        await asyncio.sleep(0.02)
        assert victim.returncode is None
    victim.send_signal(signal.SIGKILL)
    assert await victim.wait() == -signal.SIGKILL
    promised = {line.split()[0] for line in acknowledged(first)}
    rows, events = await kept(context)
    assert promised <= set(rows)
    assert len(rows) < PERSONS * EACH, "killed too late to prove anything"
    assert sorted(rows) == sorted(events), "a record has exactly one event"

    assert await (await start(context, second)).wait() == 0
    results = dict(line.split() for line in acknowledged(second))
    assert len(results) == PERSONS * EACH
    assert {one for one, result in results.items() if result == "duplicate"} == set(rows)
    rows, events = await kept(context)
    assert len(rows) == PERSONS * EACH
    assert sorted(rows) == sorted(events)
