"""An alert is raised, answered, closed and opened again in the same way in every service that has alerts."""

from datetime import timedelta

from tests.alerts.cases import AlertCase
from tests.conftest import Clock
from tests.papers import read_paper


async def test_an_alert_is_raised_once_answered_and_closed_by_another(case: AlertCase) -> None:
    await case.cause()
    await case.scan()
    await case.scan()
    (alert,) = await case.list_alerts()
    await case.act(alert["id"], "answer", 409)
    paper = read_paper((await case.deciding.get(f"{case.path}/sheet")).content)
    await case.act(alert["id"], "answer", reason="正在办理")
    await case.act(alert["id"], "send_back", reason="请写明期限")
    await case.act(alert["id"], "answer", reason="月底前办完")
    await case.act(alert["id"], "close", 409)
    closed = await case.act(alert["id"], "close", reason="已核实")
    await case.scan()

    assert (alert["state"], closed["state"]) == ("open", "closed")
    assert "凉州区问题整改清单" in paper
    assert "".join(alert["message"].split())[:12] in paper
    assert [one["state"] for one in await case.list_alerts()] == ["closed"]


async def test_an_alert_closed_with_a_new_deadline_comes_back_when_that_passes(
    case: AlertCase, clock: Clock
) -> None:
    await case.cause()
    await case.scan()
    (alert,) = await case.list_alerts()
    deadline = (clock.now() + timedelta(days=5)).date()
    past = str((clock.now() - timedelta(days=2)).date())
    refused = await case.act(alert["id"], "answer", 422, reason="正在办理", due_on=str(deadline))
    await case.act(alert["id"], "answer", reason="正在办理")
    await case.act(alert["id"], "close", 422, reason="月底前办完", due_on=past)
    await case.act(alert["id"], "close", reason="月底前办完", due_on=str(deadline))
    clock.advance(timedelta(days=4))
    await case.scan()
    (waiting,) = await case.list_alerts()
    clock.advance(timedelta(days=3))
    await case.scan()
    (again,) = await case.list_alerts()

    assert [error["pointer"] for error in refused["errors"]] == ["/due_on"]
    assert (waiting["state"], waiting["reopen_on"]) == ("closed", str(deadline))
    assert (again["state"], again["reopen_on"], again["answered_by"]) == ("open", None, "")


async def test_an_event_that_matters_is_enough_to_raise_an_alert(case: AlertCase) -> None:
    await case.follow()
    await case.cause()
    await case.cause()
    await case.follow()

    assert [one["state"] for one in await case.list_alerts()] == ["open"] * len(await case.list_alerts())
    assert await case.list_alerts() != []


async def test_a_changed_rule_is_enough_to_look_again(case: AlertCase) -> None:
    await case.cause()
    await case.scan()
    await case.follow()
    await case.change_rule(kind="other", light="red")
    await case.follow()

    assert {one["rule_ref"] for one in await case.list_alerts()} == {f"{case.rule}@2"}
