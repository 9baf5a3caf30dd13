"""How SQLite finds the first page of a list: in the order of an index, without sorting the rows of a district."""

import pytest
import sqlalchemy as sa

from services.projects.projects.models import Project
from shared.auth import Actor, Grant, May, Mergers, Role
from shared.db.engine import sync_url

PROJECT: sa.Table = Project.__table__  # type: ignore[attr-defined]
DISTRICT, TOWN, VILLAGE = "620602000000", "620602102000", "620602102201"
SORTS = "USE TEMP B-TREE FOR ORDER BY"


def explain(condition: sa.ColumnElement[bool]) -> str:
    query = sa.select(PROJECT.c.id).where(condition)
    query = query.order_by(PROJECT.c.created_at.desc(), PROJECT.c.id.desc()).limit(51)
    engine = sa.create_engine(sync_url("sqlite://"))
    with engine.connect() as connection:
        PROJECT.create(connection)
        text = query.compile(connection, compile_kwargs={"literal_binds": True})
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
    engine.dispose()
    return "\n".join(row[3] for row in rows)


@pytest.mark.parametrize("region", [DISTRICT, "620600000000", "620000000000"])
def test_the_rows_of_a_whole_district_are_not_sorted(region: str) -> None:
    actor = Actor("a", "a", (Grant(Role.BUREAU, region),))
    for condition in (
        actor.scope_filter(May.PROJECT_READ, PROJECT.c.region),
        Mergers().condition(PROJECT.c.region, region),
    ):
        assert SORTS not in explain(condition)


@pytest.mark.parametrize(("region", "role"), [(TOWN, Role.TOWN_OFFICER), (VILLAGE, Role.VILLAGE_CLERK)])
def test_the_rows_of_a_town_or_village_are_found_by_their_region(region: str, role: Role) -> None:
    condition = Actor("a", "a", (Grant(role, region),)).scope_filter(May.PROJECT_READ, PROJECT.c.region)

    assert "(region>? AND region<?)" in explain(condition)
