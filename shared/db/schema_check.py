"""Compares the schema of a database with the tables of the code: columns with types, primary keys and indexes.

Both sides are sets of facts, one line of text each, read with two statements and no reflection of SQLAlchemy's, so that
a start pays milliseconds for it. Tables and plain indexes that the code does not know are ignored: an operator may add
them. `schema_digest` is what two databases compare.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

SQLITE_COLUMNS_SQL = """
SELECT t.name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
WHERE t.type = 'table'
"""
SQLITE_INDEXES_SQL = """
SELECT t.name, i.name, i."unique", (
    SELECT group_concat(coalesce(c.name, '?')) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) AS c)
FROM sqlite_schema AS t, pragma_index_list(t.name) AS i
WHERE t.type = 'table' AND i.origin <> 'pk'
"""
POSTGRES_COLUMNS_SQL = """
SELECT t.relname, c.attname, format_type(c.atttypid, c.atttypmod), c.attnotnull, c.attnum = ANY (k.conkey)
FROM pg_class AS t JOIN pg_attribute AS c ON c.attrelid = t.oid
LEFT JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'p'
WHERE t.relkind IN ('r', 'p') AND t.relnamespace = current_schema()::regnamespace
AND c.attnum > 0 AND NOT c.attisdropped
"""
POSTGRES_INDEXES_SQL = """
SELECT t.relname, i.relname, x.indisunique, (
    SELECT string_agg(coalesce(c.attname, '?'), ',' ORDER BY k.place)
    FROM unnest(x.indkey) WITH ORDINALITY AS k (number, place)
    LEFT JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum = k.number AND k.number > 0
    WHERE k.place <= x.indnkeyatts)
FROM pg_index AS x JOIN pg_class AS t ON t.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE NOT x.indisprimary AND t.relnamespace = current_schema()::regnamespace
"""
POSTGRES_TYPE_NAMES = (("varchar", "character varying"), ("float", "double precision"))


@dataclass(frozen=True)
class Schema:
    """What a database is made of: facts about columns and indexes, each by the name of its table."""

    columns: frozenset[tuple[str, str]]
    """(table, "column type not-null key")"""
    indexes: frozenset[tuple[str, str]]
    """(table, "index name (columns)"), or (table, "unique (columns)")"""


@dataclass(frozen=True)
class SchemaDifference:
    """Facts that the code expects and a database lacks, and facts of its tables that the code does not know."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.missing or self.unknown)

    def __str__(self) -> str:
        """The difference in Chinese, three facts at most of each side."""
        parts = [("缺 ", self.missing), ("多 ", self.unknown)]
        return "; ".join(_list_some(word, facts) for word, facts in parts if facts)


def _list_some(word: str, facts: tuple[str, ...]) -> str:
    more = f" 等 {len(facts)} 处" if len(facts) > 3 else ""  # noqa: PLR2004 - enough for a sentence
    return word + "、".join(facts[:3]) + more


def expected_schema(metadata: sa.MetaData, dialect: sa.Dialect) -> Schema:
    """The schema that the tables of the code have on a database of this kind."""
    columns, indexes = set(), set()
    for table in metadata.tables.values():
        for column in table.columns:
            kind = _normalize_type(column.type.compile(dialect), dialect.name)
            columns.add(_column_fact(table.name, column.name, kind, not column.nullable, column.primary_key))
        for index in table.indexes:
            names = ",".join(_expression_name(one) for one in index.expressions)
            indexes.add(_index_fact(table.name, str(index.name), names, bool(index.unique)))
        for constraint in table.constraints:
            if isinstance(constraint, sa.UniqueConstraint):
                names = ",".join(constraint.columns.keys())
                indexes.add(_index_fact(table.name, "", names, unique=True))
    return Schema(frozenset(columns), frozenset(indexes))


def read_schema(connection: sa.Connection) -> Schema:
    """The schema that a database has."""
    sqlite = connection.dialect.name == "sqlite"
    columns_sql, indexes_sql = (
        (SQLITE_COLUMNS_SQL, SQLITE_INDEXES_SQL) if sqlite else (POSTGRES_COLUMNS_SQL, POSTGRES_INDEXES_SQL)
    )
    columns = {
        _column_fact(table, name, _normalize_type(kind, "stored"), bool(not_null), bool(key))
        for table, name, kind, not_null, key in connection.exec_driver_sql(columns_sql)
    }
    indexes = {
        _index_fact(table, name, names, bool(unique))
        for table, name, unique, names in connection.exec_driver_sql(indexes_sql)
    }
    return Schema(frozenset(columns), frozenset(indexes))


def compare_schemas(expected: Schema, stored: Schema) -> SchemaDifference:
    """What differs in the tables that the code knows; a plain index more is no difference."""
    known = {table for table, _ in expected.columns}
    missing = (expected.columns - stored.columns) | (expected.indexes - stored.indexes)
    unknown = (stored.columns - expected.columns) | {
        fact for fact in stored.indexes - expected.indexes if fact[1].startswith("unique ")
    }
    return SchemaDifference(
        _format_facts(missing), _format_facts(fact for fact in unknown if fact[0] in known)
    )


def schema_digest(schema: Schema) -> str:
    """SHA-256 over every fact in order: equal for equal schemas of one kind of database."""
    facts = sorted(f"{table}.{fact}" for table, fact in schema.columns | schema.indexes)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _format_facts(facts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(sorted(f"{table}.{fact.split(' ')[0]}" if " " in fact and not fact.startswith(("index ", "unique "))
                        else f"{table} {fact}" for table, fact in facts))  # fmt: skip


def _column_fact(table: str, name: str, kind: str, not_null: bool, key: bool) -> tuple[str, str]:
    return table, f"{name} {kind}{' not null' if not_null or key else ''}{' key' if key else ''}"


def _index_fact(table: str, name: str, columns: str, unique: bool) -> tuple[str, str]:
    return table, f"unique ({columns})" if unique else f"index {name} ({columns})"


def _expression_name(expression: object) -> str:
    inner = getattr(expression, "element", expression)
    return inner.name if isinstance(inner, sa.Column) else "?"


def _normalize_type(kind: str, dialect: str) -> str:
    text = re.sub(r",\s+", ",", kind.lower())
    if dialect == "postgresql":
        for short, name in POSTGRES_TYPE_NAMES:
            text = re.sub(rf"^{short}\b", name, text)
    return text
