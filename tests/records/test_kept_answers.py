"""Counts and summaries that are kept in memory: never an old one, whoever changed what, and nothing asked twice."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.attendance.messages.models import Message
from services.projects.projects.models import Project
from shared.db import event_log
from shared.records.kept_answers import is_told_by_log
from tests.clients import DISTRICT, SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario, expect_success

COUNTS, SUMMARY = "/projects/inbox/counts", f"/projects/summary?region={DISTRICT}"


@pytest.fixture
def scenario(doors: SystemUnderTest, clock: Clock) -> ProjectScenario:
    return ProjectScenario(doors, clock)


@pytest.fixture
def sent(scenario: ProjectScenario) -> Iterator[list[str]]:
    """The statements that reads of projects send by the pool."""
    texts: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, *_more: Any) -> None:
        texts.append(text)

    engine = scenario.projects.context.database.reader.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield texts
    sa.event.remove(engine, "before_cursor_execute", note)


async def test_nothing_is_counted_again_until_something_changes(
    scenario: ProjectScenario, sent: list[str]
) -> None:
    await scenario.create_in_review()
    for address, number in ((COUNTS, "waiting"), (SUMMARY, "sum")):
        first = expect_success(await scenario.town.get(address))
        sent.clear()
        again = expect_success(await scenario.town.get(address))
        assert (again, sent) == (first, [])
        await scenario.create_in_review(name=f"{number} 再一个项目")
        after = expect_success(await scenario.town.get(address))
        assert after[number] != first[number]
    listed = expect_success(await scenario.town.get("/projects/inbox"))["items"]
    assert len(listed) == expect_success(await scenario.town.get(COUNTS))["waiting"] == 3


async def test_callers_do_not_share_an_answer(scenario: ProjectScenario) -> None:
    await scenario.create_in_review()
    assert expect_success(await scenario.town.get(COUNTS))["waiting"] == 1
    elsewhere = scenario.projects.client_as("town_officer", "620602101000")
    assert expect_success(await elsewhere.get(COUNTS))["waiting"] == 0
    assert expect_success(await scenario.town.get(SUMMARY))["sum"]["count"] == 1
    assert expect_success(await elsewhere.get(SUMMARY))["sum"]["count"] == 0


async def test_a_row_becomes_late_within_a_day_though_nothing_is_written(scenario: ProjectScenario) -> None:
    await scenario.create_in_review()
    scenario.clock.advance(timedelta(days=10, hours=-1))
    before = expect_success(await scenario.town.get(COUNTS))
    scenario.clock.advance(timedelta(hours=2))
    after = expect_success(await scenario.town.get(COUNTS))
    assert [(one["near"], one["overdue"]) for one in (before, after)] == [(1, 0), (0, 1)]
    assert len(expect_success(await scenario.town.get("/projects/inbox?overdue=true"))["items"]) == 1


async def test_a_change_that_was_open_when_the_answer_was_made_is_in_the_next(
    scenario: ProjectScenario,
) -> None:
    project_id = await scenario.create_in_review()
    context = scenario.projects.context
    async with context.database.write() as session:
        project = (await session.exec(sa.select(Project))).scalars().one()  # type: ignore[call-overload]
        assert str(project.id) == project_id
        project.region = DISTRICT
        await session.flush()
        others = 0
        if context.database.dialect == "postgresql":  # SQLite has one writer
            await scenario.create_draft(name="后开始先完成的项目")
            others = 1
        assert expect_success(await scenario.town.get(COUNTS))["waiting"] == 1
        assert expect_success(await scenario.town.get(SUMMARY))["sum"]["count"] == 1 + others
    assert expect_success(await scenario.town.get(COUNTS))["waiting"] == 0
    assert expect_success(await scenario.town.get(SUMMARY))["sum"]["count"] == others


def test_what_the_log_does_not_tell_of_is_not_kept_where_only_the_log_is_looked_at() -> None:
    project: sa.Table = Project.__table__  # type: ignore[attr-defined]
    message: sa.Table = Message.__table__  # type: ignore[attr-defined]
    logged = sa.exists().where(event_log.c.subject == "x")
    assert is_told_by_log(sa.select(sa.func.count()).where(project.c.state == "draft", logged))
    unlogged = sa.exists().where(message.c.unread.is_(True))
    assert not is_told_by_log(sa.select(sa.func.count()).where(project.c.state == "draft", unlogged))
