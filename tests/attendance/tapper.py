"""A process that takes check-ins of many at once and writes down what was acknowledged, until it is killed.

python -m tests.attendance.tapper <database> <var> <log> <how many a person>
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from embedded.secrets import kept
from services.attendance.check_ins import service
from services.attendance.check_ins.schemas import CheckInPost
from services.attendance.main import create_app
from shared.access import Actor, Grant
from shared.permissions import Role
from shared.watch import speak
from shared.work import Context
from tests.conftest import MORNING, settings_of
from tests.doors import VILLAGE

PERSONS = 24


def identifier(person: int, nth: int) -> UUID:
    """The id that a person's phone gives to its nth check-in, the same in every life of the process."""
    return UUID(int=(0x0190F0A0 << 96) | (0x7000 << 64) | (0x8 << 60) | (person << 32) | nth)


async def taps(context: Context, person: int, count: int, log: str) -> None:
    """One person's check-ins, one after the other; only what was acknowledged is written down, at once."""
    actor = Actor(f"p{person}", f"p{person}", (Grant(Role.CADRE, VILLAGE),))
    for nth in range(count):
        sent = CheckInPost(
            id=identifier(person, nth), taken_at=MORNING - timedelta(seconds=nth), device=f"d{person}"
        )
        (result,) = await service.take(context, actor, [sent])
        note(log, f"{result.id} {result.result}\n")


def note(log: str, line: str) -> None:
    """Write a line down at once."""
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(line)


async def main(database: str, var: str, log: str, count: int) -> None:
    """Everybody at once."""
    speak("CRITICAL")
    app = create_app(settings_of("attendance", Path(var), database, kept(Path(var))), now=lambda: MORNING)
    context: Context = app.state.context
    await asyncio.gather(*(taps(context, person, count, log) for person in range(PERSONS)))
    await context.database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
