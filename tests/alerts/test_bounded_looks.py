"""After an event a detector looks only at what the event touched; the scheduled scan looks at everything."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from services.assets.alerts.detectors import DETECTORS as ASSET_DETECTORS
from services.funds.alerts.detectors import DETECTORS as FUND_DETECTORS
from services.funds.alerts.models import ALERTS as FUND_ALERTS
from services.funds.payments.models import Payment
from services.projects.alerts.detectors import DETECTORS as PROJECT_DETECTORS
from shared.alerts import follower
from shared.alerts.detection import (
    MAX_SUBJECTS_PER_LOOK,
    AlertRule,
    Detection,
    DetectionContext,
    Detector,
    LogRow,
    Subjects,
    can_name,
    is_among,
    look_at_everything,
    touched_by,
)
from shared.alerts.follower import WHOLE_LOOK_PAUSE, follow_log
from shared.events import SubscriberCursor, outbox_cursors
from shared.unit_of_work import ServiceContext, UnitOfWork
from tests.alerts.statements import watch_statements
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario
from tests.funds.fake_project_library import FakeProjectLibrary

DETECTORS = {"funds": FUND_DETECTORS, "assets": ASSET_DETECTORS, "projects": PROJECT_DETECTORS}
LATE_IN_THE_YEAR = datetime(2024, 11, 29, 1, tzinfo=UTC)
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]


def list_bounded_detectors() -> list[Any]:
    """Every detector that does not declare to look at everything."""
    return [
        pytest.param(service, detector, id=detector.rule.key)
        for service, detectors in DETECTORS.items()
        for detector in detectors
        if detector.find_subjects is not look_at_everything
    ]


@pytest.mark.parametrize(("service", "detector"), list_bounded_detectors())
async def test_each_statement_of_a_bounded_detector_asks_for_its_subjects(
    doors: SystemUnderTest, clock: Clock, service: str, detector: Detector[Any]
) -> None:
    clock.set(LATE_IN_THE_YEAR)
    context, subject = doors.service(service).context, uuid4()
    async with context.database.read() as session:
        work = context.unit_of_work(session)
        rule = (await work.get_rules([detector.rule]))[detector.rule.key]
        with watch_statements(context.database) as seen:
            found = await detector.detect(DetectionContext(work, rule, work.today, {str(subject)}))
    asked = [given for text, given, _ in seen if "FROM rule" not in text and text.startswith("SELECT")]

    assert found == []
    assert asked != []
    assert [given for given in asked if subject.hex not in given] == []


@pytest.fixture
def scenario(doors: SystemUnderTest) -> FundsScenario:
    """A finance bureau."""
    return FundsScenario(doors.service("funds"), FakeProjectLibrary())


class RecordedLooks:
    """A detector that finds nothing and notes what it was asked for."""

    def __init__(self, finds: Subjects) -> None:
        self.finds = finds
        self.asked: list[Subjects] = []
        self.detector = Detector("alert.held", AlertRule, self._detect, ("source.registered",), self._find)
        self.detector.rule = next(one.rule for one in FUND_DETECTORS if one.rule.key == "alert.held")

    async def _find(self, _work: UnitOfWork, _rows: Sequence[LogRow]) -> Subjects:
        return self.finds

    async def _detect(self, context: DetectionContext[AlertRule]) -> list[Detection]:
        self.asked.append(context.subjects)
        return []


@pytest.mark.parametrize(
    "finds", [None, {str(number) for number in range(MAX_SUBJECTS_PER_LOOK + 1)}, {"x" * 64}]
)
async def test_a_look_that_cannot_be_bounded_waits_between_events(
    scenario: FundsScenario, clock: Clock, finds: Subjects
) -> None:
    looks, context = RecordedLooks(finds), scenario.door.context
    follow = follow_log(FUND_ALERTS, [looks.detector])

    async def cause(after: timedelta) -> int:
        clock.advance(after)
        await scenario.create_source(10_000_00)
        await follow(context)
        return len(looks.asked)

    await follow(context)
    at_once, soon = await cause(timedelta(0)), await cause(WHOLE_LOOK_PAUSE / 2)
    clock.advance(WHOLE_LOOK_PAUSE)
    await follow(context)
    later = len(looks.asked)
    clock.advance(WHOLE_LOOK_PAUSE)
    await follow(context)

    assert (at_once, soon, later, len(looks.asked)) == (1, 1, 2, 2)
    assert looks.asked == [None, None]


async def test_an_event_that_touched_nothing_of_a_detector_causes_no_look(scenario: FundsScenario) -> None:
    looks, context = RecordedLooks(set()), scenario.door.context
    follow = follow_log(FUND_ALERTS, [looks.detector])
    await scenario.create_source(10_000_00)
    await follow(context)

    assert looks.asked == []


class Told:
    """A log row."""

    type, subject, region = "asset.reshaped", "", ""

    def __init__(self, after: dict[str, Any], before: dict[str, Any] | None = None) -> None:
        self.after, self.before = after, before or {}


async def test_the_ids_of_an_event_are_single_listed_or_old_and_an_event_without_them_touches_everything(
    scenario: FundsScenario,
) -> None:
    context: ServiceContext = scenario.door.context
    find = touched_by("asset_id", "into")
    async with context.database.read() as session:
        work = context.unit_of_work(session)
        rows = [Told({"asset_id": "a", "into": ["b", "c"]}, {"asset_id": "d"}), Told({"asset_id": None})]
        named = await find(work, rows)
        unnamed = await find(work, [*rows, Told({"contract_id": "x"})])

    assert (named, unnamed) == ({"a", "b", "c", "d"}, None)
    assert (can_name(named), can_name(None), can_name({"y" * 64})) == (True, False, False)
    assert str(is_among(PAYMENT.c.id, None)) == "true"


async def test_a_long_look_keeps_its_lease(
    scenario: FundsScenario, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "LEASE_DURATION", timedelta(milliseconds=30))
    looks, other, context = RecordedLooks(None), RecordedLooks(None), scenario.door.context
    begun, finish = asyncio.Event(), asyncio.Event()

    async def look_long(_work: UnitOfWork, _rows: Sequence[LogRow]) -> Subjects:
        begun.set()
        await finish.wait()
        return None

    looks.detector.find_subjects = look_long
    await follow_log(FUND_ALERTS, [])(context)
    await scenario.create_source(10_000_00)
    long = asyncio.ensure_future(follow_log(FUND_ALERTS, [looks.detector])(context))
    await begun.wait()
    clock.advance(timedelta(milliseconds=20))
    async with asyncio.timeout(20):
        while (await _read_reader(context)).due_at <= context.clock() + timedelta(milliseconds=20):  # noqa: ASYNC110 - a row, no event
            await asyncio.sleep(0.01)
    clock.advance(timedelta(milliseconds=20))  # the first lease is over, the extended one is not
    await follow_log(FUND_ALERTS, [other.detector])(context)
    finish.set()
    await long

    assert (other.asked, looks.asked) == ([], [None])


async def test_another_process_looks_soon_after_one_died_in_its_look(
    scenario: FundsScenario, clock: Clock
) -> None:
    looks, context = RecordedLooks(None), scenario.door.context
    await follow_log(FUND_ALERTS, [])(context)
    await scenario.create_source(10_000_00)
    async with context.database.write() as session:
        reader = await outbox_cursors.find_cursor(session, follower.SUBSCRIBER_NAME)
        assert reader is not None
        assert await outbox_cursors.acquire_lease(session, reader, context.clock() + follower.LEASE_DURATION)

    asked = []
    for _ in range(2):
        await follow_log(FUND_ALERTS, [looks.detector])(context)
        asked.append(len(looks.asked))
        clock.advance(timedelta(seconds=31))

    assert asked == [0, 1]


async def _read_reader(context: ServiceContext) -> SubscriberCursor:
    async with context.database.read() as session:
        reader = await outbox_cursors.find_cursor(session, follower.SUBSCRIBER_NAME)
    assert reader is not None
    return reader
