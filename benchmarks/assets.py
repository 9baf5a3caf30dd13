"""Compares read latency of the assets service with 100,000 and 1,000 assets, over HTTP on PostgreSQL.

    python -m benchmarks.assets            # one to two minutes; prints one line per request and the ratio

Each asset has ten yearly inspections and a contract with ten yearly receivables; two assets share a project. That is
two million rows beside the 100,000. The time is the median of 30 requests to the service in this process, alternating
between the two sizes. A ratio above 2 is marked and makes the exit code 1.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.size_comparison import NOW, Question, compare_sizes
from services.assets.summary.service import apply_deltas
from shared.rules import load_rule_files
from shared.unit_of_work import ServiceContext
from tests.clients import DISTRICT, TOWN

ASSET_COUNT = 100_000
HISTORY_YEARS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
"""Years of inspections and receivables; fewer than ten fill the database faster."""
ROOT = Path(__file__).parent.parent
MAP_BOX = {"west": 102.60, "south": 37.60, "east": 102.62, "north": 37.62}

# Villages 620602100201 to 620602136212: 37 towns of 12 villages; one asset in ten earns, one in seven is a household's;
# two assets per project. Ids ascend like UUIDv7.
_NUMBERED_ID_FUNCTION = """
CREATE FUNCTION numbered(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT ('0189' || kind || lpad(to_hex(n), 24, '0'))::uuid $$
"""
_ASSETS = """
INSERT INTO asset (id, region, version, created_at, created_by, updated_at, created_digest, code, name, asset_class,
  subclass, origin, project_id, project_name, year, built_on, original_value, funding, funding_known, funding_carried,
  quantity, unit, specification, address, lon, lat, owner_kind, owner_name, owner_code, holders, households, builder,
  photos, file_ids, note, state, state_since, registered_by, registered_at, confirmed_by, certificate_no, offered_by,
  giver, receiver, transfer_no, received_by, use, use_since, use_reason, use_person, inspected_at, inspect_due_on,
  keeper_unit, keeper_name, adjusted)
SELECT numbered('aaaa', n), '620602' || (100 + n %% 37) || (201 + n / 37 %% 12), 1, t, 'bench', t, '',
  '620602' || (2013 + n %% 11) || 'GY' || lpad(n::text, 6, '0'), '道路' || n,
  CASE WHEN n %% 10 = 0 THEN 'operating' WHEN n %% 7 = 0 THEN 'household' ELSE 'public' END, 'road', 'import',
  numbered('cccc', n / 2), '项目' || n / 2, 2013 + n %% 11, make_date(2013 + n %% 11, 6, 1), 10000000 + n,
  '[]', true, true, '', '', '', '', 102.5 + random() * 0.5, 37.5 + random() * 0.5,
  CASE WHEN n %% 7 = 0 THEN 'household' ELSE 'village' END, '合作社', '', '{}', 0, '', '[]', '[]', '',
  CASE n %% 3 WHEN 0 THEN 'registered' WHEN 1 THEN 'confirmed' ELSE 'handed_over' END, t, '', t, '', '', '', '', '', '',
  '', CASE WHEN n %% 50 = 0 THEN 'idle' ELSE 'in_use' END, t, '', '', t, date '2024-01-01' + n %% 365, '', '', 0
FROM (SELECT n, timestamptz '2023-01-01' + n * interval '1 minute' AS t FROM generate_series(1, %(count)s) AS n) AS s
"""
_INSPECTIONS = """
INSERT INTO inspection (id, region, version, created_at, created_by, updated_at, created_digest, asset_id, condition,
  findings, photos, inspected_at, inspector)
SELECT numbered('bbbb', row_number() OVER ()), a.region, 1, a.created_at, 'bench', a.created_at, '', a.id,
  'good', '', '[]', a.created_at - y * interval '1 year', 'bench'
FROM asset AS a, generate_series(1, %(years)s) AS y
"""
_CONTRACTS = """
INSERT INTO operating_contract (id, region, version, created_at, created_by, updated_at, created_digest, asset_id, number,
  mode, operator, operator_code, operator_gone, starts_on, ends_on, amount, period, first_due_on, steps, deposit,
  households, file_ids, note, state, state_since, signed_by)
SELECT id, region, 1, created_at, 'bench', created_at, '', id, code, 'lease', '某公司', '', false,
  date '2015-01-01', date '2024-12-31', 100000, 'year', date '2015-01-01', '[]', 0, 0, '[]', '', 'active', created_at, ''
FROM asset
"""
_RECEIVABLES = """
INSERT INTO receivable (id, region, version, created_at, created_by, updated_at, created_digest, contract_id, asset_id,
  number, due_on, amount, received, open, void)
SELECT numbered('dddd', row_number() OVER ()), c.region, 1, c.created_at, 'bench', c.created_at, '', c.id,
  c.asset_id, y + 1, make_date(2015 + y, 1, 1), 100000, CASE WHEN y < 8 THEN 100000 ELSE 0 END, y >= 8, false
FROM operating_contract AS c, generate_series(0, %(years)s - 1) AS y
"""
_CARDS = """
INSERT INTO project_card (id, region, name, code, category, state, unit, settled, registered, accepted_on, version)
SELECT project_id, min(region), min(project_name), '', '3.1', 'closed', '', sum(original_value) + 100, sum(original_value),
  min(built_on), 1
FROM asset GROUP BY project_id
"""
_DELTAS = """
INSERT INTO asset_delta (region, year, asset_class, owner_kind, state, use, number, value)
SELECT region, year, asset_class, owner_kind, state, use, 1, original_value FROM asset
"""
_PROJECT_DELTAS = """
INSERT INTO project_delta (region, year, number, settled, registered)
SELECT region, extract(year FROM accepted_on)::int, 1, settled, registered FROM project_card
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i WHERE i.indrelid = %(table)s::regclass AND NOT i.indisprimary
"""
SAMPLE_ASSET_ID = "0189aaaa-0000-0000-0000-0000000001f4"
"""Id of asset number 500."""
QUESTIONS: dict[str, Question] = {
    "list, newest first": ("bureau", "/assets", {}),
    "list, a town, dearest first": ("bureau", "/assets", {"region": TOWN, "sort": "-original_value"}),
    "list, idle ones": ("bureau", "/assets", {"use": "idle"}),
    "one by its code": ("bureau", "/assets", {"code": "6206022013GY000500"}),
    "map, a box": ("bureau", "/assets/map", {**MAP_BOX, "limit": 50}),
    "summary of the district": ("bureau", "/assets/summary", {"region": DISTRICT}),
    "summary of a year": ("bureau", "/assets/summary", {"region": DISTRICT, "year": 2020}),
    "duties, most urgent first": ("bureau", "/assets/duties", {}),
    "arrears": ("bureau", "/assets/arrears", {}),
    "receivables of a month": (
        "bureau",
        "/assets/receivables",
        {"due_from": "2024-01-01", "due_until": "2024-01-31"},
    ),
    "contracts that run out": ("bureau", "/assets/contracts", {"expiring_within": 365}),
    "list, on the register": ("bureau", "/assets", {"counted": "true"}),
    "inspections, newest first": ("bureau", "/assets/inspections", {}),
    "inspections of one asset": ("bureau", "/assets/{one}/inspections", {}),
    "one asset": ("bureau", "/assets/{one}", {}),
    "contract with its ten years": ("bureau", "/assets/contracts/{one}", {}),
}


def fill_database(url: str, count: int) -> None:
    """Insert `count` assets with their history by SQL; indexes are dropped first and created again afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        # The inserted rows are consistent, so foreign keys need not be checked.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute(_NUMBERED_ID_FUNCTION)
        fill_table(connection, "asset", _ASSETS, count=count)
        fill_table(connection, "inspection", _INSPECTIONS, years=HISTORY_YEARS)
        fill_table(connection, "operating_contract", _CONTRACTS)
        fill_table(connection, "receivable", _RECEIVABLES, years=HISTORY_YEARS)
        for statement in (_CARDS, _DELTAS, _PROJECT_DELTAS):
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE")


def fill_table(connection: psycopg.Connection[Any], table: str, statement: str, **params: int) -> None:
    """Fill a table with its indexes dropped, since creating an index at the end is faster than updating it."""
    indexes = connection.execute(_INDEXES, {"table": table}).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute(statement, params)
    for _, definition in indexes:
        connection.execute(definition)


async def _prepare_database(context: ServiceContext, url: str, count: int) -> str:
    await asyncio.to_thread(fill_database, url, count)
    async with context.database.write() as session:
        await load_rule_files(session, ROOT / "services" / "assets" / "rules", NOW)
    await apply_deltas(context)
    return SAMPLE_ASSET_ID


if __name__ == "__main__":
    sys.exit(compare_sizes("assets", ASSET_COUNT, _prepare_database, QUESTIONS, rounds=30))
