"""Full-text search by any part of a text, by pinyin or its initials, on SQLite (FTS5) and PostgreSQL (tsvector).

    search.create_index(op.get_bind(), "project")                  # in a migration; drop_index in its downgrade
    await search.index_record(session, "project", project.id, project.name, project.content)
    query.where(search.match_condition(col(Project.id), "黄羊 供水"))  # every word must occur; also "hyz", "gongshui"

Chinese text is indexed as bigrams, so a phrase of any length is found exactly as written. Both databases store the same
tokens, made here; they need no extension and no dictionary. Queries are reduced to letters and digits: quotes,
operators and wildcards have no effect.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db.engine import execute_core

MAX_INDEXED_CHARACTERS = 10_000
MAX_PINYIN_TOKENS = 200
MAX_WORD_LENGTH = 48
MAX_PINYIN_LENGTH = 30
MAX_QUERY_LENGTH = 100
MAX_QUERY_WORDS = 8
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_RUN = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def tokenize(*texts: str) -> list[str]:
    """Tokens of texts in order: bigrams of Chinese characters, all suffixes of Latin words and numbers, pinyin.

    A prefix query on suffixes finds any part of a word.
    """
    tokens: list[str] = []
    for run in _split_runs(" ".join(texts)[:MAX_INDEXED_CHARACTERS]):
        tokens.extend(_suffixes(run) if run.isascii() else _bigrams(run))
    return tokens + _pinyin_tokens(" ".join(texts))


def create_index(bind: sa.Connection, table: str) -> None:
    """Create the search index `<table>_search` of a table whose key is a UUID `id`."""
    name = _search_table(table).name
    if bind.dialect.name == "postgresql":
        bind.exec_driver_sql(f"CREATE TABLE {name} (id UUID NOT NULL PRIMARY KEY, words TSVECTOR NOT NULL)")
        bind.exec_driver_sql(
            f"CREATE INDEX ix_{name}_words ON {name} USING gin (words) WITH (fastupdate = off)"
        )
        return
    # The table stores the words, because FTS5 with external content needs the old words to delete an entry.
    delete_entry = f"INSERT INTO {name}_fts({name}_fts, rowid, words) VALUES ('delete', old.row, old.words)"  # noqa: S608 - a checked name
    insert_entry = f"INSERT INTO {name}_fts(rowid, words) VALUES (new.row, new.words)"  # noqa: S608 - a checked name
    fts = f"fts5(words, content='{name}', content_rowid='row', tokenize='ascii', columnsize=0)"
    for statement in (
        f"CREATE TABLE {name} (row INTEGER PRIMARY KEY, id CHAR(32) NOT NULL UNIQUE, words TEXT NOT NULL)",
        f"CREATE VIRTUAL TABLE {name}_fts USING {fts}",
        f"CREATE TRIGGER {name}_added AFTER INSERT ON {name} BEGIN {insert_entry}; END",
        f"CREATE TRIGGER {name}_removed AFTER DELETE ON {name} BEGIN {delete_entry}; END",
        f"CREATE TRIGGER {name}_changed AFTER UPDATE ON {name} BEGIN {delete_entry}; {insert_entry}; END",
    ):
        bind.exec_driver_sql(statement)


def drop_index(bind: sa.Connection, table: str) -> None:
    """Drop the search index of a table."""
    name = _search_table(table).name
    if bind.dialect.name == "sqlite":
        bind.exec_driver_sql(f"DROP TABLE {name}_fts")
    bind.exec_driver_sql(f"DROP TABLE {name}")


async def index_record(session: AsyncSession, table: str, identifier: UUID, *texts: str) -> None:
    """Index a record's texts in the caller's transaction, replacing its earlier entry."""
    await index_records(session, table, [(identifier, texts)])


async def index_records(
    session: AsyncSession, table: str, rows: Iterable[tuple[UUID, Sequence[str]]]
) -> None:
    """`index_record` for many records."""
    connection = await session.connection()
    entries = [
        {"id": identifier, "words": _index_text(connection.dialect.name, texts)} for identifier, texts in rows
    ]
    if not entries:
        return
    value = "CAST(:words AS tsvector)" if connection.dialect.name == "postgresql" else ":words"
    statement = sa.text(
        f"INSERT INTO {_search_table(table).name} (id, words) VALUES (:id, {value}) "  # noqa: S608 - a checked name
        "ON CONFLICT (id) DO UPDATE SET words = excluded.words"
    ).bindparams(sa.bindparam("id", type_=sa.Uuid()))
    await execute_core(session, statement, entries)


async def remove_record(session: AsyncSession, table: str, identifier: UUID) -> None:
    """Delete a record's entry."""
    search_table = _search_table(table)
    await execute_core(session, sa.delete(search_table).where(search_table.c.id == identifier))


def match_condition(identifier: Any, query: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any mapped id column
    """SQL condition on an id column: the record contains every word of the query.

    True for an empty query, false for one without letters and digits.
    """
    phrases = [_query_phrase(run) for run in _split_runs(query[:MAX_QUERY_LENGTH])][:MAX_QUERY_WORDS]
    if not phrases:
        return sa.false() if query.strip() else sa.true()
    search_table = _search_table(str(identifier.table.name))
    in_sqlite = " AND ".join(f'"{" ".join(phrase)}"{" *" if prefix else ""}' for phrase, prefix in phrases)
    in_postgres = " & ".join(
        f"({' <-> '.join([*phrase[:-1], phrase[-1] + (':*' if prefix else '')])})"
        for phrase, prefix in phrases
    )
    match = _TextMatch(
        search_table.c.words, sa.literal(in_sqlite, sa.Text()), sa.literal(in_postgres, sa.Text())
    )
    condition: sa.ColumnElement[bool] = identifier.in_(sa.select(search_table.c.id).where(match))
    return condition


class _TextMatch(FunctionElement[bool]):
    """SQL function: the indexed words match a query, compiled for each database."""

    inherit_cache = True
    type = sa.Boolean()


@compiles(_TextMatch, "sqlite")
def _compile_sqlite(element: _TextMatch, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    words, query, _ = element.clauses
    name = words.table.name
    match_query = compiler.process(query, **options)
    return f"{name}.row IN (SELECT rowid FROM {name}_fts WHERE {name}_fts MATCH {match_query})"  # noqa: S608 - bound


@compiles(_TextMatch, "postgresql")
def _compile_postgres(element: _TextMatch, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    words, _, query = element.clauses
    return f"{compiler.process(words, **options)} @@ CAST({compiler.process(query, **options)} AS tsquery)"


@lru_cache(maxsize=100)
def _search_table(name: str) -> sa.Table:
    if not _TABLE_NAME.fullmatch(name):
        raise ValueError(f"no table name: {name!r}")
    words = sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql")
    return sa.Table(
        f"{name}_search",
        sa.MetaData(),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("words", words),
    )


def _split_runs(text: str) -> Iterator[str]:
    """Yield runs of letters and digits, Latin separate from other scripts, in NFKC and folded case."""
    return (match[0] for match in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()))


def _encode_characters(characters: str) -> str:
    """Encode characters as ASCII hex with terminator z, so that database tokenizers do not split them."""
    return "c" + "".join(f"{ord(character):x}z" for character in characters)


def _bigrams(run: str) -> list[str]:
    """Each character with the next; the last one alone, which also separates this run from the next."""
    return [_encode_characters(run[start : start + 2]) for start in range(len(run))]


def _suffixes(word: str) -> list[str]:
    return [
        "w" + word[start : start + MAX_WORD_LENGTH] for start in range(min(len(word), MAX_WORD_LENGTH * 2))
    ]


def _pinyin_tokens(text: str) -> list[str]:
    """For every Han character: the pinyin from there to the end of its run, and the initials."""
    from pypinyin import lazy_pinyin

    tokens: list[str] = []
    plain = unicodedata.normalize("NFKC", text)[: MAX_PINYIN_TOKENS * 2]
    for match in _HAN.finditer(plain):
        syllables = [
            syllable
            for syllable in lazy_pinyin(match[0], errors="ignore")
            if syllable.isascii() and syllable.isalpha()
        ]
        for start in range(len(syllables)):
            tokens.append("w" + "".join(syllables[start:])[:MAX_PINYIN_LENGTH])
            tokens.append("w" + "".join(syllable[0] for syllable in syllables[start:])[:MAX_PINYIN_LENGTH])
    return tokens[: MAX_PINYIN_TOKENS * 2]


def _query_phrase(run: str) -> tuple[list[str], bool]:
    """The tokens a word of the query must match in sequence, and whether the last one is a prefix."""
    if run.isascii():
        return ["w" + run[:MAX_PINYIN_LENGTH]], True
    if len(run) == 1:
        return [_encode_characters(run)], True
    return _bigrams(run)[:-1], False


def _index_text(dialect: str, texts: Sequence[str]) -> str:
    tokens = tokenize(*texts)
    if dialect == "postgresql":
        return " ".join(f"{token}:{min(position, 16_383)}" for position, token in enumerate(tokens, start=1))
    return " ".join(tokens)
