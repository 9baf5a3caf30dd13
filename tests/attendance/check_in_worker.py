"""Worker process that submits check-ins concurrently and logs the acknowledged ones, until it is killed."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from embedded.run_secrets import load_or_create_secrets
from services.attendance.check_ins import group_commit
from services.attendance.check_ins.schemas import CheckInPost
from services.attendance.main import create_app
from shared.app import configure_logging
from shared.auth import Actor, Grant, Role
from shared.unit_of_work import ServiceContext
from tests.clients import VILLAGE
from tests.conftest import MORNING, build_settings

PERSON_COUNT = 24


def check_in_id(person: int, nth: int) -> UUID:
    """Returns the id of a person's nth check-in, the same in each run."""
    return UUID(int=(0x0190F0A0 << 96) | (0x7000 << 64) | (0x8 << 60) | (person << 32) | nth)


async def send_check_ins(context: ServiceContext, person: int, count: int, log: str) -> None:
    """Submits one person's check-ins in sequence and logs each acknowledged one at once."""
    actor = Actor(f"p{person}", f"p{person}", (Grant(Role.CADRE, VILLAGE),))
    for nth in range(count):
        check_in = CheckInPost(
            id=check_in_id(person, nth), taken_at=MORNING - timedelta(seconds=nth), device=f"d{person}"
        )
        (result,) = await group_commit.ingest_check_ins(context, actor, [check_in])
        append_line(log, f"{result.id} {result.result}\n")


def append_line(log: str, line: str) -> None:
    """Appends a line to the log file."""
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(line)


async def main(database: str, var: Path, log: str, count: int) -> None:
    """Submits so many check-ins of each person, all persons concurrently."""
    configure_logging("CRITICAL")
    app = create_app(
        build_settings("attendance", var, database, load_or_create_secrets(var)),
        now=lambda: MORNING,
    )
    context: ServiceContext = app.state.context
    await asyncio.gather(*(send_check_ins(context, person, count, log) for person in range(PERSON_COUNT)))
    await context.database.close()
