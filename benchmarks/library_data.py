"""Inserts projects with their history by SQL.

Required columns that are not listed here get an empty value, so that a new column does not break the benchmark.
"""

from collections.abc import Mapping

import psycopg
import sqlalchemy as sa

from services.projects.base import Base
from shared.db import tokenize

NAME_COUNT = 2_000
JSON_OBJECT_COLUMNS = frozenset({"given", "evaluation", "before", "after"})
WORK_KINDS = (
    "日光温室",
    "供水管道",
    "村组道路",
    "冷藏库",
    "养殖暖棚",
    "机井改造",
    "加工车间",
    "渠道衬砌",
    "公厕改造",
    "路灯安装",
)

# States of every hundred projects: seven in admission, five in reserve, seven planned or started, … six withdrawn.
STATE_OF_HUNDRED = (
    "draft village_notice town_review town_notice appraisal approval district_notice"
    + " reserve" * 5
    + " planned" * 5
    + " started" * 2
    + " under_construction" * 8
    + " completed" * 4
    + " accepted" * 2
    + " handed_over" * 3
    + " closed" * 58
    + " withdrawn" * 6
).split()
_DAYS_AGO = "(date '2024-05-20' - ({days})::int)"
_IS_STARTED = "state IN ('started', 'under_construction', 'completed', 'accepted', 'handed_over', 'closed')"

# fmt: off
_PROJECT_VALUES = {
    "id": "gen_random_uuid()", "region": "region", "version": "5", "created_at": "at", "created_by": "'bench'",
    "updated_at": "at", "name": "w.name", "content": "w.name || ', 建设内容与规模见实施方案, 配套管网和附属设施'",
    "category": "(ARRAY['1.1.1', '1.3.1', '3.1.2', '3.1.4', '2.2.2'])[1 + n % 5]", "category_label": "'类型'",
    "counts_as_industry": "n % 5 < 2", "nature": "'new'", "origin": "'village'", "year": "2015 + n / 100 % 10",
    "place": "'三组'", "lon": "102.5 + n % 500 / 1000.0", "lat": "37.5 + n * 7919 % 500 / 1000.0",
    "planned_start": "at::date", "planned_end": "CASE WHEN n % 3 = 0 THEN date '2024-05-19' - n % 90 ELSE date '2024-10-01' END",
    "implementing_unit": "'某镇人民政府'", "total": "10000000 + n", "state": "state",
    "state_since": "timestamptz '2024-05-19' - (n % 45) * interval '1 day'", "declared_by": "'clerk'",
    "library_code": "CASE WHEN n % 100 >= 7 THEN '620602-' || n END", "admitted_on": _DAYS_AGO.format(days="n % 700"),
    "plan_year": "2015 + n / 100 % 10", "blocked": "n % 50 = 3",
    "allocated": "CASE WHEN n % 100 >= 12 THEN 9000000 ELSE 0 END",
    "allocated_on": f"CASE WHEN n % 100 >= 12 THEN {_DAYS_AGO.format(days='n % 100')} END",
    "paid": f"CASE WHEN {_IS_STARTED} THEN 4500000 ELSE 0 END",
    "paid_on": f"CASE WHEN {_IS_STARTED} THEN {_DAYS_AGO.format(days='n % 40')} END",
    "started_on": f"CASE WHEN {_IS_STARTED} THEN {_DAYS_AGO.format(days='n % 90 + 60')} END",
    "physical_percent": f"CASE WHEN {_IS_STARTED} THEN 30 + n % 71 END",
    "progressed_on": f"CASE WHEN {_IS_STARTED} THEN {_DAYS_AGO.format(days='n % 60')} END",
    "heard_on": f"CASE WHEN {_IS_STARTED} THEN {_DAYS_AGO.format(days='n % 60')} END",
    "completed_on": f"CASE WHEN {_IS_STARTED} THEN {_DAYS_AGO.format(days='n % 150')} END",
    "accepted_on": f"CASE WHEN {_IS_STARTED} THEN {_DAYS_AGO.format(days='n % 60')} END",
    "settled": "CASE WHEN state IN ('accepted', 'handed_over', 'closed') THEN 8900000 ELSE 0 END",
}
_EVENT_VALUES = {
    "tx": "1", "id": "gen_random_uuid()", "type": "'project.moved'", "subject": "p.id::text", "subject_version": "k",
    "region": "p.region", "actor": "'bench'", "recorded_at": "p.created_at + k * interval '1 day'",
    "ingested_at": "p.created_at + k * interval '1 day'", "before": "'{\"state\": \"draft\"}'",
    "after": "jsonb_build_object('project_id', p.id, 'was', 'draft', 'now', p.state, 'name', p.name)",
}
_PLACE_VALUES = {
    "id": "gen_random_uuid()", "project_id": "p.id", "position": "1", "region": "p.region", "lon": "p.lon", "lat": "p.lat",
}
_MONEY_VALUES = {
    "id": "gen_random_uuid()", "project_id": "p.id", "amount": "p.total",
    "kind": "CASE WHEN p.total % 40 = 0 THEN 'city' ELSE 'central' END",
}
_EVALUATION_VALUES = {
    "id": "gen_random_uuid()", "region": "p.region", "version": "1", "created_at": "p.created_at", "created_by": "'bench'",
    "updated_at": "p.created_at", "project_id": "p.id", "project_name": "p.name", "category": "p.category",
    "category_label": "p.category_label", "year": "p.year", "state": "'reviewed'", "state_since": "p.created_at",
    "score": "6000 + p.total % 4000", "self_score": "9000", "grade": "'good'", "grade_label": "'良'", "rule": "'sheet@1'",
}
_DELTA_VALUES = {
    "region": "region", "year": "year", "category": "substr(category, 1, 1)", "number": "1", "total": "total",
    "allocated": "allocated", "paid": "paid", "settled": "settled", "industry_count": "counts_as_industry::int",
    "industry_total": "counts_as_industry::int * total",
    "stage": """CASE WHEN state IN ('reserve', 'planned') THEN 'reserve' WHEN state = 'started' THEN 'started'
        WHEN state = 'under_construction' THEN state WHEN state = 'withdrawn' THEN 'out'
        WHEN state IN ('completed', 'accepted', 'handed_over', 'closed') THEN 'completed' ELSE 'admission' END""",
}
# fmt: on
_NUMBERED_ROWS = f"""
(SELECT n, 1 + n % {NAME_COUNT} AS named, 620602 + n / 100 % %(districts)s || '' || (100 + n % 37) || (201 + n / 37 % 12) AS region,
  (%(states)s::text[])[1 + n % 100] AS state, timestamptz '2016-01-01' + n * interval '40 minutes' AS at
  FROM generate_series(1, %(count)s) AS n) AS s JOIN words AS w ON w.number = s.named
"""  # noqa: S608 - ours


def _get_empty_value(column: sa.Column[object]) -> str:
    """SQL literal of the empty value of a column's type."""
    if isinstance(column.type, sa.Boolean):
        return "false"
    if isinstance(column.type, sa.Integer | sa.BigInteger):
        return "0"
    if isinstance(column.type, sa.JSON):
        default = column.default.arg if column.default is not None else None  # type: ignore[attr-defined]
        return "'{}'" if "dict" in str(default) or column.name in JSON_OBJECT_COLUMNS else "'[]'"
    return "''"


def build_insert(table: str, values: Mapping[str, str], source: str) -> str:
    """Build the statement that fills a table from a FROM clause; `values` are SQL expressions by column."""
    columns = {
        column.name: values.get(column.name) or _get_empty_value(column)
        for column in Base.metadata.tables[table].columns
        if column.name in values or not (column.nullable or column.autoincrement is True)
    }
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {source}"  # noqa: S608 - ours


def list_names() -> list[str]:
    """List project names made of town, village and kind of work."""
    numerals = "一二三四五六七八九十"
    towns = (
        "黄羊镇",
        "武南镇",
        "清源镇",
        "永昌镇",
        "双城镇",
        "丰乐镇",
        "高坝镇",
        "金羊镇",
        "和平镇",
        "中坝镇",
    )
    return [
        f"{towns[n // 200 % 10]}{numerals[n // 20 % 10]}村{WORK_KINDS[n % 10]}{'新建' if n // 10 % 2 else '改造'}项目"
        for n in range(NAME_COUNT)
    ]


def _build_search_words(name: str) -> str:
    return " ".join(
        f"{token}:{at}" for at, token in enumerate(tokenize(name, "三组", "某镇人民政府"), start=1)
    )


def fill_database(url: str, count: int, *, districts: int = 1) -> str:
    """Fill an empty database with `count` projects and ten times as many events; returns the id of one of 凉州区.

    Every hundred projects are another district's, from 620602 on.
    """
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE words (number int, name text, words text)")
        with cursor.copy("COPY words FROM STDIN") as copy:
            for number, name in enumerate(list_names(), start=1):
                copy.write_row((number, name, _build_search_words(name)))
        params = {"count": count, "states": STATE_OF_HUNDRED, "districts": districts}
        cursor.execute(
            build_insert("project", _PROJECT_VALUES, _NUMBERED_ROWS).replace("%", "%%").replace("%%(", "%("),
            params,
        )
        source = "project AS p JOIN (SELECT DISTINCT name, words FROM words) AS w ON w.name = p.name"
        cursor.execute(f"INSERT INTO project_search (id, words) SELECT p.id, w.words::tsvector FROM {source}")  # noqa: S608 - ours
        for table, values, from_clause in (
            ("event_log", _EVENT_VALUES, "project AS p, generate_series(1, 10) AS k"),
            ("project_place", _PLACE_VALUES, "project AS p"),
            ("planned_money", _MONEY_VALUES, "project AS p"),
            ("evaluation", _EVALUATION_VALUES, "project AS p WHERE p.state = 'closed'"),
            ("project_delta", _DELTA_VALUES, "project"),
        ):
            cursor.execute(build_insert(table, values, from_clause))
        cursor.execute("VACUUM ANALYZE")
        return str(
            cursor.execute(
                "SELECT id FROM project WHERE state = 'completed' AND region < '620603' LIMIT 1"
            ).fetchone()[0]
        )  # type: ignore[index]
