"""`make bench BENCH=partitions`: event log and check-ins as they are, in monthly partitions, and with keys that begin with the district.

    python -m benchmarks.partitions                    # two million rows of each, 100 districts, 24 months
    python -m benchmarks.partitions --rows 200000

A prototype beside the product: tables of the same columns on one PostgreSQL server, filled alike, asked alike in turn; medians
in milliseconds. What each form gives up stands in docs/decisions/0023-one-log-until-a-province-needs-months.md.
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tests import postgres

MONTHS, DISTRICTS = 24, 100
ROUNDS = 15
BATCH = 1_000
COLUMNS = """
    seq bigint NOT NULL, tx bigint NOT NULL, id uuid NOT NULL, district int NOT NULL, subject text NOT NULL,
    person text NOT NULL, at timestamptz NOT NULL, payload jsonb NOT NULL
"""


@dataclass(frozen=True)
class Form:
    """A way to keep the rows."""

    name: str
    key: str
    partitioned: bool = False
    lead: str = ""
    """What every other index begins with."""


FORMS = (
    Form("as_it_is", "id"),
    Form("monthly", "id, at", partitioned=True),
    Form("district_first", "district, id", lead="district, "),
    Form("monthly_district", "district, id, at", partitioned=True, lead="district, "),
)
QUESTIONS = {
    "feed, 50 after a cursor": "WHERE {scope} (tx, seq) > (%(tx)s, %(seq)s) ORDER BY tx, seq LIMIT 50",
    "history of a subject": "WHERE {scope} subject = %(subject)s ORDER BY seq LIMIT 50",
    "a person's month": "WHERE {scope} person = %(person)s AND at >= %(low)s AND at < %(high)s ORDER BY at",
    "a district's newest 20": "WHERE district = %(district)s ORDER BY at DESC LIMIT 20",
}
ROWS_SQL = """
    SELECT n, n, gen_random_uuid(), n %% {districts}, 's' || n / 10, 'p' || n %% 5000,
        timestamptz '2024-01-01' + n * (interval '{months} months' / %(rows)s::float), jsonb_build_object('n', n, 'text', repeat('x', 200))
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""


def create(connection: psycopg.Connection, form: Form) -> None:
    """The tables of one form, with the indexes that the product has."""
    tail = "PARTITION BY RANGE (at)" if form.partitioned else ""
    run(connection, f"CREATE TABLE {form.name} ({COLUMNS}, PRIMARY KEY ({form.key})) {tail}")
    for number in range(MONTHS + 6 if form.partitioned else 0):
        low, high = (f"{2024 + at // 12}-{at % 12 + 1:02}-01" for at in (number, number + 1))
        run(
            connection,
            f"CREATE TABLE {form.name}_{number} PARTITION OF {form.name} FOR VALUES FROM ('{low}') TO ('{high}')",
        )
    for columns in ("tx, seq", "subject, seq", "person, at"):
        run(connection, f"CREATE INDEX ON {form.name} ({form.lead}{columns})")
    run(connection, f"CREATE INDEX ON {form.name} (district, at)")


def run(connection: psycopg.Connection, text: str) -> None:
    """Execute a statement made of our own names."""
    connection.execute(sql.SQL(text))  # type: ignore[arg-type] - not a literal


def fill(connection: psycopg.Connection, form: Form, first: int, last: int, rows: int) -> float:
    """Insert rows first…last; seconds."""
    began = time.perf_counter()
    text = f"INSERT INTO {form.name} {ROWS_SQL.format(districts=DISTRICTS, months=MONTHS)}"
    connection.execute(
        sql.SQL(text),  # type: ignore[arg-type] - not a literal
        {"first": first, "last": last, "rows": rows},
    )
    return time.perf_counter() - began


def ask(connection: psycopg.Connection, form: Form, question: str, row: int) -> float:
    """Milliseconds of one question about a row."""
    scope = f"district = {row % DISTRICTS} AND" if form.lead else ""
    text = f"SELECT * FROM {form.name} {QUESTIONS[question].format(scope=scope)}"  # noqa: S608 - ours
    values = {
        "tx": row, "seq": row, "subject": f"s{row // 10}", "person": f"p{row % 5000}", "district": row % DISTRICTS,
        "low": "2024-06-01", "high": "2024-07-01",
    }  # fmt: skip
    began = time.perf_counter()
    connection.execute(sql.SQL(text), values).fetchall()  # type: ignore[arg-type] - not a literal
    return (time.perf_counter() - began) * 1000


def remove_oldest(connection: psycopg.Connection, form: Form) -> float:
    """Seconds to be rid of the first month."""
    began = time.perf_counter()
    if form.partitioned:
        run(connection, f"DROP TABLE {form.name}_0")
    else:
        run(connection, f"DELETE FROM {form.name} WHERE at < '2024-02-01'")  # noqa: S608 - ours
        run(connection, f"VACUUM {form.name}")
    return time.perf_counter() - began


def measure(connection: psycopg.Connection, rows: int) -> list[str]:
    """Lines of the report."""
    lines = [
        f"{rows:,} rows, {DISTRICTS} districts, {MONTHS} months",
        " " * 28 + "".join(f"{form.name:>18}" for form in FORMS),
    ]

    def add(title: str, values: list[str]) -> None:
        lines.append(f"{title:28}" + "".join(f"{value:>18}" for value in values))

    for form in FORMS:
        create(connection, form)
    add("fill, rows a second", [f"{rows / fill(connection, form, 1, rows, rows):,.0f}" for form in FORMS])
    run(connection, "VACUUM ANALYZE")
    for question in QUESTIONS:
        times: dict[str, list[float]] = {form.name: [] for form in FORMS}
        for number in range(ROUNDS):
            for form in FORMS:
                times[form.name].append(ask(connection, form, question, 1 + number * rows // ROUNDS))
        add(question, [f"{statistics.median(times[form.name]):.2f} ms" for form in FORMS])
    inserts: dict[str, list[float]] = {form.name: [] for form in FORMS}
    for number in range(ROUNDS):
        first = rows + 1 + number * BATCH
        for form in FORMS:
            inserts[form.name].append(fill(connection, form, first, first + BATCH - 1, rows) * 1000)
    add(f"insert {BATCH:,} at the end", [f"{statistics.median(inserts[form.name]):.1f} ms" for form in FORMS])
    add("remove the oldest month", [f"{remove_oldest(connection, form):.2f} s" for form in FORMS])
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    asked = parser.parse_args()
    stop = postgres.start_server()
    try:
        postgres.create_database("bench_partitions")
        with psycopg.connect(f"{postgres.get_server_url()}/bench_partitions", autocommit=True) as connection:
            sys.stdout.write("\n".join(measure(connection, asked.rows)) + "\n")
    finally:
        stop()


if __name__ == "__main__":
    main()
