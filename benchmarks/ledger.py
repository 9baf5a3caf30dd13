"""Measures the ledger: postings compared to plain inserts, and summaries with 10,000 and 1,000,000 entries.

    python -m benchmarks.ledger                     # starts and stops a PostgreSQL server of its own
    python -m benchmarks.ledger --only postings --seconds 5

The plain side inserts three rows in one transaction through the same driver and pool, so that the ratio is the cost of
checks, locks and balances, independent of the machine. Summaries are read over HTTP.
"""

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import list_services
from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKey, AccountKind, EntryKind, credit, debit
from services.funds.main import create_app
from shared.app import configure_logging
from shared.db import execute_core, new_id
from shared.db.migrate import upgrade_database
from shared.unit_of_work import ServiceContext
from tests import postgres
from tests.clients import SystemUnderTest, TestKey
from tests.conftest import MORNING, build_settings

WRITER_COUNTS = (1, 16)
ENTRIES_PER_DISTRICT, SOURCE_COUNT, ALLOCATION_COUNT = 10_000, 20, 2_000
READS_PER_PAGE = 40
POSTING_DATE = date(2024, 5, 20)
SAMPLE_REGION = "100001000000"
Job = Callable[[], Awaitable[None]]


async def measure_rate(job: Job, writers: int, seconds: float) -> float:
    """Jobs per second completed by `writers` concurrent tasks."""
    completed = 0
    until = time.perf_counter() + seconds

    async def run_writer() -> None:
        nonlocal completed
        while time.perf_counter() < until:
            await job()
            completed += 1

    began = time.perf_counter()
    await asyncio.gather(*(run_writer() for _ in range(writers)))
    return completed / (time.perf_counter() - began)


def build_insert_job(context: ServiceContext) -> Job:
    """Build a job that inserts three rows in one transaction."""
    statement = sa.text("INSERT INTO bare (id, amount, words) VALUES (:id, :amount, :words)")

    async def job() -> None:
        async with context.database.write() as session:
            rows = [{"id": str(new_id()), "amount": 1, "words": "支付"} for _ in range(3)]
            await execute_core(session, statement, rows)

    return job


def build_posting_job(context: ServiceContext, accounts: list[tuple[AccountKey, AccountKey]]) -> Job:
    """Build a job that posts one balanced entry between the accounts of the next pair."""
    turn = 0

    async def job() -> None:
        nonlocal turn
        turn += 1
        from_, to = accounts[turn % len(accounts)]
        async with context.database.write() as session:
            await ledger.post_entry(
                context.unit_of_work(session),
                f"bench:{new_id()}",
                EntryKind.PAYMENT,
                [debit(to, 1), credit(from_, 1)],
                subject=new_id(),
                region=SAMPLE_REGION,
                happened_on=POSTING_DATE,
            )

    return job


def build_account_pair(source: UUID, allocation: UUID) -> tuple[AccountKey, AccountKey]:
    """Build the accounts for applied and paid amounts of an allocation."""
    applied, paid = (
        AccountKey(
            kind, source, 2024, SAMPLE_REGION, project_id=allocation, allocation_id=allocation, payee="甲"
        )
        for kind in (AccountKind.APPLIED, AccountKind.PAID)
    )
    return applied, paid


async def fund_accounts(context: ServiceContext, accounts: list[tuple[AccountKey, AccountKey]]) -> None:
    """Open every account with a balance large enough for the benchmark (分)."""
    async with context.database.write() as session:
        for from_, to in accounts:
            received = AccountKey(AccountKind.RECEIVED, from_.source_id, 2024, SAMPLE_REGION)
            await ledger.post_entry(
                context.unit_of_work(session),
                f"fill:{from_.id}",
                EntryKind.RECEIPT,
                [debit(from_, 10**12), debit(to, 1), credit(received, 10**12 + 1)],
                subject=new_id(),
                region=SAMPLE_REGION,
                happened_on=POSTING_DATE,
            )


async def measure_postings(context: ServiceContext, seconds: float) -> None:
    """Measure all sides in alternating rounds, so that other load on the machine affects them alike."""
    hot = [build_account_pair(new_id(), new_id())]
    spread = [build_account_pair(new_id(), new_id()) for _ in range(500)]
    await fund_accounts(context, [*hot, *spread])
    async with context.database.write() as session:
        await execute_core(
            session, sa.text("CREATE TABLE bare (id TEXT PRIMARY KEY, amount BIGINT, words TEXT)")
        )
    for writers in WRITER_COUNTS:
        sides = {
            "bare": build_insert_job(context),
            "one pair of accounts": build_posting_job(context, hot),
            "500 pairs": build_posting_job(context, spread),
        }
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(3):
            for name, job in sides.items():
                rates[name].append(await measure_rate(job, writers, seconds))
        base = statistics.median(rates["bare"])
        for name, values in rates.items():
            median = statistics.median(values)
            print(f"{writers:3} writers  {name:22} {median:8.0f} /s   ratio {median / base:.2f}")


GROW_STATEMENTS = """
INSERT INTO source (id, region, version, created_at, created_by, updated_at, created_digest, document_no,
    upper_document_no, title, fiscal_year, level, fund, task, origin, transfer_code, function_subject,
    government_subject, department_subject, amount, document_date, received_on, file_ids, note)
SELECT md5('s' || d || '-' || s)::uuid, (100000 + d) || '000000', 1, now(), 'b', now(), '', d || '-' || s, '', '', 2024,
    (ARRAY['central','provincial','city','county'])[1 + s % 4], 'bridging', 'consolidation', 'transfer', '', '', '', '',
    1, '2024-01-01', '2024-01-02', '[]', ''
FROM generate_series(:first, :last) d, generate_series(0, :sources - 1) s;

INSERT INTO allocation (id, region, version, created_at, created_by, updated_at, created_digest, plan_id, source_id,
    project_id, project_name, document_no, year, amount, issued_on, management_fee, industry)
SELECT md5('a' || d || '-' || a)::uuid, (100000 + d) || lpad((100 + a % 37)::text, 3, '0') || '000', 1, now(), 'b', now(),
    '', md5('p' || d)::uuid, md5('s' || d || '-' || a % :sources)::uuid, md5('a' || d || '-' || a)::uuid, '项目', '', 2024,
    1, '2024-02-01', a % 100 = 0, a % 2 = 0
FROM generate_series(:first, :last) d, generate_series(0, :allocations - 1) a;

INSERT INTO ledger_account (id, kind, source_id, project_id, allocation_id, payee, year, region, balance,
    closed_year)
SELECT md5(k || d || '-' || s)::uuid, k, md5('s' || d || '-' || s)::uuid, NULL, NULL, '', 2024, (100000 + d) || '000000', 0, 0
FROM generate_series(:first, :last) d, generate_series(0, :sources - 1) s, unnest(ARRAY['received','available']) k;

INSERT INTO ledger_account (id, kind, source_id, project_id, allocation_id, payee, year, region, balance,
    closed_year)
SELECT md5(k || d || '-' || a.n)::uuid, k, md5('s' || d || '-' || a.n % :sources)::uuid, md5('a' || d || '-' || a.n)::uuid,
    md5('a' || d || '-' || a.n)::uuid, '', 2024, (100000 + d) || lpad((100 + a.n % 37)::text, 3, '0') || '000', 0,
    0
FROM generate_series(:first, :last) d, generate_series(0, :allocations - 1) a(n), unnest(ARRAY['unpaid','paid']) k;

INSERT INTO ledger_entry (id, key, kind, subject, document_no, amount, region, happened_on, recorded_at, recorded_by, reason)
SELECT md5('e' || d || '-' || i)::uuid, d || '-' || i, CASE WHEN i % 4 = 0 THEN 'receipt' ELSE 'issue' END, '', '',
    CASE WHEN i % 4 = 0 THEN 1000000 ELSE 1 END, (100000 + d) || '000000', date '2024-01-02' + (i % 120)::int, now(), 'b', ''
FROM generate_series(:first, :last) d, generate_series(1, :entries) i;

INSERT INTO ledger_posting (entry_id, position, account_id, amount, happened_on)
SELECT md5('e' || d || '-' || i)::uuid, 1,
    CASE WHEN i % 4 = 0 THEN md5('available' || d || '-' || i / 4 % :sources)::uuid
        ELSE md5('unpaid' || d || '-' || i % :allocations)::uuid END,
    CASE WHEN i % 4 = 0 THEN 1000000 ELSE 1 END, date '2024-01-02' + (i % 120)::int
FROM generate_series(:first, :last) d, generate_series(1, :entries) i;

INSERT INTO ledger_posting (entry_id, position, account_id, amount, happened_on)
SELECT md5('e' || d || '-' || i)::uuid, 2,
    CASE WHEN i % 4 = 0 THEN md5('received' || d || '-' || i / 4 % :sources)::uuid
        ELSE md5('available' || d || '-' || i % :allocations % :sources)::uuid END,
    CASE WHEN i % 4 = 0 THEN -1000000 ELSE -1 END, date '2024-01-02' + (i % 120)::int
FROM generate_series(:first, :last) d, generate_series(1, :entries) i;

UPDATE ledger_account a SET balance = p.total * CASE WHEN a.kind = 'received' THEN -1 ELSE 1 END
FROM (SELECT account_id, sum(amount)::bigint AS total FROM ledger_posting GROUP BY account_id) p
WHERE p.account_id = a.id;
"""


async def grow_ledger(context: ServiceContext, first: int, last: int, entries: int) -> None:
    """Insert the districts `first` to `last`, each with `entries` ledger entries of one year."""
    values: dict[str, int] = {"first": first, "last": last, "entries": entries}
    values |= {"sources": SOURCE_COUNT, "allocations": ALLOCATION_COUNT}
    async with context.database.writer.begin() as connection:
        # The inserted rows are consistent; checking foreign keys would take most of the time.
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in GROW_STATEMENTS.split(";\n"):
            if statement.strip():
                for name, value in values.items():
                    statement = re.sub(rf":{name}\b", str(value), statement)  # noqa: PLW2901 - filled in step by step
                await connection.execute(sa.text(statement.replace("::", "\\:\\:")))
    async with context.database.writer.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(sa.text("VACUUM ANALYZE"))


PAGE_REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a year on one page": ("/funds/summary", {"region": SAMPLE_REGION, "year": 2024}),
    "positions by source": ("/funds/ledger", {"region": SAMPLE_REGION, "year": 2024}),
    "a project": ("/funds/ledger", {"project_id": "PROJECT"}),
    "entries, first page": ("/funds/ledger/entries", {"region": SAMPLE_REGION, "year": 2024}),
    "positions as of a day": (
        "/funds/ledger",
        {"region": SAMPLE_REGION, "year": 2024, "as_of": "2024-03-01"},
    ),
}


async def measure_pages(system: SystemUnderTest, project: UUID) -> dict[str, float]:
    """Median latency of each page over HTTP, milliseconds."""
    leader = system.service("funds").client_as("leader", SAMPLE_REGION)
    medians = {}
    for name, (path, params) in PAGE_REQUESTS.items():
        query: dict[str, Any] = {
            key: str(project) if value == "PROJECT" else value for key, value in params.items()
        }
        times = []
        for _ in range(READS_PER_PAGE):
            began = time.perf_counter()
            answer = await leader.get(path, params=query)
            times.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
        medians[name] = statistics.median(times)
    return medians


async def measure_summaries(context: ServiceContext, system: SystemUnderTest, sizes: list[int]) -> None:
    """Measure the pages of one district while the number of other districts grows."""
    first: dict[str, float] = {}
    existing_districts = 0
    async with context.database.write() as session:
        for table in ("ledger_posting", "ledger_entry", "ledger_account"):
            await execute_core(session, sa.text(f"DELETE FROM {table}"))  # noqa: S608 - named above
    for size in sizes:
        districts = max(1, size // ENTRIES_PER_DISTRICT)
        await grow_ledger(context, existing_districts + 1, districts, min(size, ENTRIES_PER_DISTRICT))
        existing_districts = districts
        async with context.database.read() as session:
            count = (await execute_core(session, sa.text("SELECT count(*) FROM ledger_entry"))).scalar_one()
            project = (
                await execute_core(
                    session, sa.text("SELECT project_id FROM allocation WHERE region LIKE '100001%' LIMIT 1")
                )
            ).scalar_one()
        medians = await measure_pages(system, project)
        first = first or medians
        for name, milliseconds in medians.items():
            print(f"{count:9} entries  {name:22} {milliseconds:8.1f} ms  x {milliseconds / first[name]:.2f}")


async def main(seconds: float, sizes: list[int], part: str) -> None:
    """Run both measurements, or one `part`, on a new database."""
    configure_logging("CRITICAL")
    name = "ledger_benchmark"
    postgres.create_database(name)
    url = f"{postgres.get_server_url()}/{name}"
    upgrade_database("funds", url)
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder)
        secrets = load_or_create_secrets(var) | create_service_keys(list_services())["funds"]
        app = create_app(build_settings("funds", var, url, secrets), now=lambda: MORNING)
        key, context = TestKey(), app.state.context

        async def fetch_jwks() -> dict[str, Any]:
            return {"keys": [key.key.as_dict(private=False)]}

        context.verifier.fetch_jwks = fetch_jwks
        system = SystemUnderTest({"funds": app}, lambda: MORNING, key)
        async with app.router.lifespan_context(app):
            if part != "summaries":
                await measure_postings(context, seconds)
            if part != "postings":
                await measure_summaries(context, system, sizes)
            await system.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--only", choices=["", "postings", "summaries"], default="")
    options = parser.parse_args(sys.argv[1:])
    stop = postgres.start_server()
    try:
        asyncio.run(main(options.seconds, options.entries, options.only))
    finally:
        stop()
