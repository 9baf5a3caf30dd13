"""A closed alert opens again at the instant at which its new deadline passes, not with the next scan."""

import asyncio
from datetime import UTC, datetime, time, timedelta

from shared.alerts.deadlines import DeadlineWatch, watch_deadlines
from shared.unit_of_work import CHINA_TIME_ZONE
from tests.alerts.cases import AlertCase
from tests.conftest import Clock

SECOND = timedelta(seconds=1)
WAIT_S = 10


async def raise_alert(case: AlertCase) -> str:
    """An open alert of the case."""
    await case.cause()
    await case.scan()
    (alert,) = await case.list_alerts()
    return str(alert["id"])


async def get_state(case: AlertCase) -> str:
    """The state of the alert of the case."""
    (alert,) = await case.list_alerts()
    return str(alert["state"])


async def test_the_next_deadline_is_known_and_an_alert_opens_when_it_passes(
    case: AlertCase, clock: Clock
) -> None:
    watcher, context = DeadlineWatch(case.alerts, case.detectors), case.service.context
    alert = await raise_alert(case)
    none_yet = await watcher.reopen_due(context)
    deadline = clock.now().astimezone(CHINA_TIME_ZONE).date() + timedelta(days=5)
    await case.close(alert, str(deadline))
    due_at = await watcher.reopen_due(context)
    assert due_at is not None
    clock.set(due_at - SECOND)
    before = await watcher.reopen_due(context), await get_state(case)
    clock.set(due_at)
    after = await watcher.reopen_due(context), await get_state(case)

    assert none_yet is None
    assert due_at == datetime.combine(deadline + timedelta(days=1), time(), CHINA_TIME_ZONE)
    assert before == (due_at, "closed")
    assert after == (None, "open")


async def test_a_deadline_that_passed_while_the_service_was_down_is_seen_at_its_start(
    case: AlertCase, clock: Clock
) -> None:
    await case.close(await raise_alert(case), str(clock.now().date() + timedelta(days=5)))
    clock.advance(timedelta(days=9))
    due_at = await DeadlineWatch(case.alerts, case.detectors).reopen_due(case.service.context)

    assert (due_at, await get_state(case)) == (None, "open")


async def test_a_deadline_of_a_rule_that_is_no_longer_enabled_is_looked_at_once(
    case: AlertCase, clock: Clock
) -> None:
    watcher, context = DeadlineWatch(case.alerts, case.detectors), case.service.context
    await case.close(await raise_alert(case), str(clock.now().date() + timedelta(days=5)))
    await case.change_rule(enabled=False)
    clock.advance(timedelta(days=9))
    due_at = await watcher.reopen_due(context)

    assert (due_at, await get_state(case)) == (None, "closed")


async def test_a_closing_wakes_the_task_that_sleeps_without_a_deadline(case: AlertCase, clock: Clock) -> None:
    alert = await raise_alert(case)
    today = clock.now().astimezone(CHINA_TIME_ZONE).date()
    midnight = datetime.combine(today + timedelta(days=1), time(), CHINA_TIME_ZONE).astimezone(UTC)
    clock.set(midnight - timedelta(seconds=0.3))
    task = asyncio.create_task(watch_deadlines(case.alerts, case.detectors)(case.service.context))
    try:
        await asyncio.sleep(0.5)
        await case.close(alert, str(today))
        closed = await get_state(case)
        clock.set(midnight)
        for _ in range(WAIT_S * 20):
            if await get_state(case) == "open":
                break
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert (closed, await get_state(case)) == ("closed", "open")
