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

from embedded.run_secrets import load_or_create_secrets
from embedded.system import System
from services.projects.attachments.models import Attachment
from services.projects.attachments.schemas import DocumentKind
from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from services.projects.projects.schemas import Nature, Origin
from services.projects.screening.models import ScreeningJob
from services.projects.screening.schemas import Budget, Land, ScreeningJobKind, ScreeningSubject, Step
from services.projects.screening_rules import service
from shared.app import configure_logging
from shared.db import new_id
from shared.db.migrate import has_database, upgrade_database
from shared.settings import Settings
from shared.unit_of_work import ServiceContext
from tests import postgres

PROJECT_COUNT, MAX_SECOND_PASS_S = 10_000, 20.0
ATTACHMENT_TABLE: sa.Table = Attachment.__table__  # type: ignore[attr-defined]
DISTRICT = "620602000000"
NOW = datetime(2024, 5, 20, 1, 0, tzinfo=UTC)
TOWN_COUNT, VILLAGES_PER_TOWN = 37, 12
PROJECT_TABLE: sa.Table = Project.__table__  # type: ignore[attr-defined]


def build_rows(texts: Sequence[ScreeningSubject]) -> Iterator[dict[str, Any]]:
    """So many projects of the district, as rows with everything a project has."""
    for at in range(PROJECT_COUNT):
        text, number = texts[at % len(texts)], at // len(texts)
        own = f"{number}标段" if at % 10 else ""
        project = Project(
            id=new_id(),
            region=f"620602{100 + at % TOWN_COUNT}{201 + at // TOWN_COUNT % VILLAGES_PER_TOWN}",
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
        yield {column.name: getattr(project, column.name) for column in PROJECT_TABLE.columns}


async def insert_projects(context: ServiceContext, texts: Sequence[ScreeningSubject]) -> None:
    """Write them in steps."""
    given = list(build_rows(texts))
    for at in range(0, PROJECT_COUNT, 1_000):
        async with context.database.write() as session:
            connection = await session.connection()
            step = given[at : at + 1_000]
            await connection.execute(PROJECT_TABLE.insert(), step)
            await connection.execute(
                ATTACHMENT_TABLE.insert(), [build_minutes_row(one["id"]) for one in step]
            )


def build_minutes_row(project_id: UUID) -> dict[str, Any]:
    """The minutes of the village meeting, without which none is ready."""
    row = Attachment(
        id=new_id(),
        project_id=project_id,
        kind=DocumentKind.MINUTES,
        file_id="bench",
        added_at=NOW,
        added_by="bench",
    )
    return {column.name: getattr(row, column.name) for column in ATTACHMENT_TABLE.columns}


async def measure_rescreening(context: ServiceContext) -> tuple[float, float, ScreeningJob]:
    """Seconds on the clock and of CPU for the whole library, and the finished job."""
    async with context.database.write() as session:
        job = await service.start_job(context.unit_of_work(session), ScreeningJobKind.RESCREEN, DISTRICT)
    begun, cpu = time.perf_counter(), time.process_time()
    while await service.run_next_batch(context):
        pass
    took = time.perf_counter() - begun, time.process_time() - cpu
    async with context.database.read() as session:
        done = await session.get_one(ScreeningJob, job.id)
    return (*took, done)


async def run_passes(folder: Path, texts: Sequence[ScreeningSubject]) -> int:
    """Both passes."""
    postgres.create_database("bench_rescreening")
    url, secrets = f"{postgres.get_server_url()}/bench_rescreening", load_or_create_secrets(folder)

    def settings(name: str) -> Settings:
        where = url if name == "projects" else f"sqlite:///{folder / name}.db"
        if has_database(name):
            upgrade_database(name, where)
        return Settings.load(name, embedded=True, var=folder, database_url=where, relay=False, **secrets)

    system = System(settings, now=lambda: NOW)
    async with system.lifespan():
        context = system.apps["projects"].state.context
        await insert_projects(context, texts)
        slow = False
        for title in ("first pass, nothing kept", "after a change of rules"):
            took, cpu, job = await measure_rescreening(context)
            slow = took > MAX_SECOND_PASS_S
            print(
                f"{title:<26}{job.done:>7} projects {took:6.1f} s, {cpu:.1f} s of CPU, "
                f"{dict(job.verdicts)}{' !' if slow else ''}"
            )
    return 1 if slow else 0


def main(texts: Sequence[ScreeningSubject]) -> int:
    """On a PostgreSQL of its own; the exit code is 1 when the second pass takes longer than promised."""
    configure_logging("CRITICAL")
    stop = postgres.start_server()
    try:
        with tempfile.TemporaryDirectory() as place:
            return asyncio.run(run_passes(Path(place), texts))
    finally:
        stop()


if __name__ == "__main__":
    sys.exit("python -m benchmarks.screening --rescreen")
