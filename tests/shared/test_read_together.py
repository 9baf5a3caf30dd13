"""Selects read together answer the same values as each alone, for every column of every table, on both databases."""

import pytest
import sqlalchemy as sa

from embedded.system import list_services
from shared.db import Database, SelectsTogether, execute_core, read_together
from shared.db.migrate import has_database, load_base
from tests.access.sample_values import SAMPLE_ID, fill_with_sample_rows
from tests.clients import SystemUnderTest

SERVICES_WITH_DATABASE = [name for name in list_services() if has_database(name)]
UNREADABLE_TYPES = (sa.LargeBinary, sa.types.NullType)
"""JSON holds no bytes; search tables have columns of the database's own kind."""


def _readable_columns(table: sa.Table) -> list[sa.Column[object]]:
    return [one for one in table.columns if not isinstance(one.type, UNREADABLE_TYPES)][:100]


@pytest.mark.parametrize("service", SERVICES_WITH_DATABASE)
async def test_every_column_is_read_as_it_is_alone(doors: SystemUnderTest, service: str) -> None:
    database: Database = doors.apps[service].state.context.database
    await fill_with_sample_rows(doors, service)
    wrong, rows_read = [], 0
    async with database.read() as session:
        for table in load_base(service).metadata.sorted_tables:
            query = sa.select(*_readable_columns(table)).order_by(*table.primary_key.columns)
            alone = [tuple(row) for row in await execute_core(session, query)]
            together = await read_together(session, rows=query, none=query.where(sa.false()))
            compiled = await SelectsTogether(rows=query).read(session)
            rows_read += len(alone)
            for found in (together["rows"], compiled["rows"]):
                if [tuple(row) for row in found] != alone:
                    wrong.append(f"{table.name}: {found[:1]} is not {alone[:1]}")
            assert together["none"] == []

    assert rows_read
    assert not wrong, "\n".join(wrong)


async def test_parameters_are_values_and_constants_are_text(doors: SystemUnderTest) -> None:
    database: Database = doors.apps["projects"].state.context.database
    together = SelectsTogether(
        given=sa.select(sa.literal(3).label("three"), sa.bindparam("id", type_=sa.Uuid()).label("id")),
        words=sa.select(sa.bindparam("words", type_=sa.String()).label("words")),
    )
    async with database.read() as session:
        found = await together.read(session, id=SAMPLE_ID, words="'; DROP TABLE project --")

    assert found["given"][0].three == 3
    assert found["given"][0].id == SAMPLE_ID
    assert found["words"][0].words == "'; DROP TABLE project --"
