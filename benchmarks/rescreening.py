"""Screening a whole library again with its database: rules changed, 10,000 projects are read, judged and kept anew.

    python -m benchmarks.screening --rescreen     # PostgreSQL; under two minutes, most of it filling

The projects are the benchmark's real and composed texts in 444 villages of one district, one in ten alike to another.
The first pass is the work of a library whose keys nobody kept; the second is what a change of rules costs.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from embedded.secrets import kept
from embedded.system import System
from services.projects.attachments.models import Attachment
from services.projects.library.kinds import Document, Nature, Origin
from services.projects.library.models import Project
from services.projects.library.states import State
from services.projects.rescreening import service
from services.projects.screening.kinds import JobKind
from services.projects.screening.models import Job
from services.projects.screening.schemas import Budget, Land, ScreeningSubject, Step
from shared.ids import new_id
from shared.migrate import has_database, upgrade
from shared.settings import Settings
from shared.watch import speak
from shared.work import Context
from tests import postgres

COUNT, MOST = 10_000, 20.0
ATTACHMENT: sa.Table = Attachment.__table__  # type: ignore[attr-defined]
DISTRICT = "620602000000"
NOW = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
TOWNS, VILLAGES = 37, 12
PROJECT: sa.Table = Project.__table__  # type: ignore[attr-defined]


def rows(texts: Sequence[ScreeningSubject]) -> Iterator[dict[str, Any]]:
    """So many projects of the district, as rows with everything a project has."""
    for at in range(COUNT):
        text, number = texts[at % len(texts)], at // len(texts)
        own = f"{number}标段" if at % 10 else ""
        project = Project(
            id=new_id(),
            region=f"620602{100 + at % TOWNS}{201 + at // TOWNS % VILLAGES}",
            created_at=NOW,
            created_by="bench",
            updated_at=NOW,
            name=f"{text.name[:200]}{own}",
            content=text.content,
            category="1.1.1",
            category_label="种植业基地",
            counts_as_industry=True,
            nature=next(iter(Nature)),
            origin=next(iter(Origin)),
            year=2023 + at % 2,
            total=100_000_00 + at,
            operator="村集体",
            linkage="务工和土地流转",
            land=Land.NOT_NEEDED,
            design=Step.DONE,
            environment=Step.NOT_NEEDED,
            budget=Budget.REVIEWED,
            state=State.RESERVE,
            state_since=NOW,
        )
        yield {column.name: getattr(project, column.name) for column in PROJECT.columns}


async def fill(context: Context, texts: Sequence[ScreeningSubject]) -> None:
    """Write them in steps."""
    given = list(rows(texts))
    for at in range(0, COUNT, 1_000):
        async with context.database.write() as session:
            connection = await session.connection()
            step = given[at : at + 1_000]
            await connection.execute(PROJECT.insert(), step)
            await connection.execute(ATTACHMENT.insert(), [minutes(one["id"]) for one in step])


def minutes(project_id: UUID) -> dict[str, Any]:
    """The minutes of the village meeting, without which none is ready."""
    row = Attachment(
        id=new_id(),
        project_id=project_id,
        kind=Document.MINUTES,
        file_id="bench",
        added_at=NOW,
        added_by="bench",
    )
    return {column.name: getattr(row, column.name) for column in ATTACHMENT.columns}


async def rescreened(context: Context) -> tuple[float, float, Job]:
    """Seconds on the clock and of CPU for the whole library, and the finished job."""
    async with context.database.write() as session:
        job = await service.begin(context.work(session), JobKind.RESCREEN, DISTRICT)
    begun, cpu = time.perf_counter(), time.process_time()
    while await service.advance(context):
        pass
    took = time.perf_counter() - begun, time.process_time() - cpu
    async with context.database.read() as session:
        done = await session.get_one(Job, job.id)
    return (*took, done)


async def measured(folder: Path, texts: Sequence[ScreeningSubject]) -> int:
    """Both passes."""
    postgres.create_database("bench_rescreening")
    url, secrets = f"{postgres.server_url()}/bench_rescreening", kept(folder)

    def settings(name: str) -> Settings:
        where = url if name == "projects" else f"sqlite:///{folder / name}.db"
        if has_database(name):
            upgrade(name, where)
        return Settings.of(name, embedded=True, var=folder, database_url=where, relay=False, **secrets)

    system = System(settings, now=lambda: NOW)
    async with system.running():
        context = system.apps["projects"].state.context
        await fill(context, texts)
        slow = False
        for title in ("first pass, nothing kept", "after a change of rules"):
            took, cpu, job = await rescreened(context)
            slow = took > MOST
            print(
                f"{title:<26}{job.done:>7} projects {took:6.1f} s, {cpu:.1f} s of CPU, "
                f"{dict(job.verdicts)}{' !' if slow else ''}"
            )
    return 1 if slow else 0


def main(texts: Sequence[ScreeningSubject]) -> int:
    """On a PostgreSQL of its own; the exit code is 1 when the second pass takes longer than promised."""
    speak("CRITICAL")
    stop = postgres.start()
    try:
        with tempfile.TemporaryDirectory() as place:
            return asyncio.run(measured(Path(place), texts))
    finally:
        stop()


if __name__ == "__main__":
    sys.exit("python -m benchmarks.screening --rescreen")
