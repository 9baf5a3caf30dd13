"""Finding records by any part of their words, by pinyin or its initials, on SQLite and PostgreSQL alike.

    search.create(op.get_bind(), "project")                        # in a migration; search.drop(…) in its way back
    await search.index(session, "project", project.id, project.name, project.content)
    query.where(search.matches(col(Project.id), "黄羊 供水"))        # every word must occur; "hyz", "gongshui" do too

Chinese is kept as pairs of neighbouring characters, so a phrase of any length, also of one character, is found exactly
as written. Both databases keep the same tokens, made here; they need no extension and no dictionary. What people type
becomes letters and digits only: quotes, operators and wildcards mean nothing.
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
    """What is kept of some texts, in order: neighbouring characters in pairs, and every ending of Latin words.

    Numbers, pinyin and initials are kept by their endings too, which a prefix then finds.
    """
    kept: list[str] = []
    for run_ in _split_runs(" ".join(texts)[:MAX_INDEXED_CHARACTERS]):
        kept.extend(_suffixes(run_) if run_.isascii() else _bigrams(run_))
    return kept + _pinyin_tokens(" ".join(texts))


def create_index(bind: sa.Connection, table: str) -> None:
    """Make the search index of a table whose key is a UUID `id`: `<table>_search`."""
    name = _search_table(table).name
    if bind.dialect.name == "postgresql":
        bind.exec_driver_sql(f"CREATE TABLE {name} (id UUID NOT NULL PRIMARY KEY, words TSVECTOR NOT NULL)")
        bind.exec_driver_sql(
            f"CREATE INDEX ix_{name}_words ON {name} USING gin (words) WITH (fastupdate = off)"
        )
        return
    # The rows keep their words so that FTS5 (external content) can be told exactly what to forget.
    gone = f"INSERT INTO {name}_fts({name}_fts, rowid, words) VALUES ('delete', old.row, old.words)"  # noqa: S608 - a checked name
    kept = f"INSERT INTO {name}_fts(rowid, words) VALUES (new.row, new.words)"  # noqa: S608 - a checked name
    fts = f"fts5(words, content='{name}', content_rowid='row', tokenize='ascii', columnsize=0)"
    for statement in (
        f"CREATE TABLE {name} (row INTEGER PRIMARY KEY, id CHAR(32) NOT NULL UNIQUE, words TEXT NOT NULL)",
        f"CREATE VIRTUAL TABLE {name}_fts USING {fts}",
        f"CREATE TRIGGER {name}_added AFTER INSERT ON {name} BEGIN {kept}; END",
        f"CREATE TRIGGER {name}_removed AFTER DELETE ON {name} BEGIN {gone}; END",
        f"CREATE TRIGGER {name}_changed AFTER UPDATE ON {name} BEGIN {gone}; {kept}; END",
    ):
        bind.exec_driver_sql(statement)


def drop_index(bind: sa.Connection, table: str) -> None:
    """Remove the search index of a table."""
    name = _search_table(table).name
    if bind.dialect.name == "sqlite":
        bind.exec_driver_sql(f"DROP TABLE {name}_fts")
    bind.exec_driver_sql(f"DROP TABLE {name}")


async def index_record(session: AsyncSession, table: str, identifier: UUID, *texts: str) -> None:
    """Keep a record's words, replacing what was kept of it, in the caller's transaction."""
    await index_records(session, table, [(identifier, texts)])


async def index_records(
    session: AsyncSession, table: str, rows: Iterable[tuple[UUID, Sequence[str]]]
) -> None:
    """The same for many records at once."""
    connection = await session.connection()
    kept = [
        {"id": identifier, "words": _index_text(connection.dialect.name, texts)} for identifier, texts in rows
    ]
    if not kept:
        return
    value = "CAST(:words AS tsvector)" if connection.dialect.name == "postgresql" else ":words"
    statement = sa.text(
        f"INSERT INTO {_search_table(table).name} (id, words) VALUES (:id, {value}) "  # noqa: S608 - a checked name
        "ON CONFLICT (id) DO UPDATE SET words = excluded.words"
    ).bindparams(sa.bindparam("id", type_=sa.Uuid()))
    await execute_core(session, statement, kept)


async def remove_record(session: AsyncSession, table: str, identifier: UUID) -> None:
    """Keep nothing of a record any more."""
    kept = _search_table(table)
    await execute_core(session, sa.delete(kept).where(kept.c.id == identifier))


def match_condition(identifier: Any, query: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any mapped id column
    """The condition that a record, by its id column, has every word of the query.

    True for an empty query, false for one without a letter or digit.
    """
    words = [_query_phrase(run_) for run_ in _split_runs(query[:MAX_QUERY_LENGTH])][:MAX_QUERY_WORDS]
    if not words:
        return sa.false() if query.strip() else sa.true()
    kept = _search_table(str(identifier.table.name))
    in_sqlite = " AND ".join(f'"{" ".join(phrase)}"{" *" if prefix else ""}' for phrase, prefix in words)
    in_postgres = " & ".join(
        f"({' <-> '.join([*phrase[:-1], phrase[-1] + (':*' if prefix else '')])})" for phrase, prefix in words
    )
    found = _TextMatch(kept.c.words, sa.literal(in_sqlite, sa.Text()), sa.literal(in_postgres, sa.Text()))
    hits: sa.ColumnElement[bool] = identifier.in_(sa.select(kept.c.id).where(found))
    return hits


class _TextMatch(FunctionElement[bool]):
    """Whether the kept words match, in the words of the database at hand."""

    inherit_cache = True
    type = sa.Boolean()


@compiles(_TextMatch, "sqlite")
def _compile_sqlite(element: _TextMatch, compiler: SQLCompiler, **rest: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    words, query, _ = element.clauses
    name = words.table.name
    asked = compiler.process(query, **rest)
    return f"{name}.row IN (SELECT rowid FROM {name}_fts WHERE {name}_fts MATCH {asked})"  # noqa: S608 - bound


@compiles(_TextMatch, "postgresql")
def _compile_postgres(element: _TextMatch, compiler: SQLCompiler, **rest: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    words, _, query = element.clauses
    return f"{compiler.process(words, **rest)} @@ CAST({compiler.process(query, **rest)} AS tsquery)"


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
    """The letters and digits of a text, Latin apart from others, without regard to width and case."""
    return (found[0] for found in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()))


def _encode_characters(characters: str) -> str:
    """Characters as ASCII, each ended by z, so that no tokenizer has an opinion about them."""
    return "c" + "".join(f"{ord(one):x}z" for one in characters)


def _bigrams(run_: str) -> list[str]:
    """Each character with the next; the last one alone, which also parts this run from the next."""
    return [_encode_characters(run_[at : at + 2]) for at in range(len(run_))]


def _suffixes(word: str) -> list[str]:
    return ["w" + word[at : at + MAX_WORD_LENGTH] for at in range(min(len(word), MAX_WORD_LENGTH * 2))]


def _pinyin_tokens(text: str) -> list[str]:
    """From every Han character on: the pinyin of what follows, and its initials."""
    from pypinyin import lazy_pinyin

    kept: list[str] = []
    plain = unicodedata.normalize("NFKC", text)[: MAX_PINYIN_TOKENS * 2]
    for found in _HAN.finditer(plain):
        read = [one for one in lazy_pinyin(found[0], errors="ignore") if one.isascii() and one.isalpha()]
        for at in range(len(read)):
            kept.append("w" + "".join(read[at:])[:MAX_PINYIN_LENGTH])
            kept.append("w" + "".join(one[0] for one in read[at:])[:MAX_PINYIN_LENGTH])
    return kept[: MAX_PINYIN_TOKENS * 2]


def _query_phrase(run_: str) -> tuple[list[str], bool]:
    """A word of the query as the phrase it must match, and whether its last token is only the beginning of one."""
    if run_.isascii():
        return ["w" + run_[:MAX_PINYIN_LENGTH]], True
    if len(run_) == 1:
        return [_encode_characters(run_)], True
    return _bigrams(run_)[:-1], False


def _index_text(dialect: str, texts: Sequence[str]) -> str:
    kept = tokenize(*texts)
    if dialect == "postgresql":
        return " ".join(f"{token}:{min(at, 16_383)}" for at, token in enumerate(kept, start=1))
    return " ".join(kept)
