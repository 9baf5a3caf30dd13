"""Running the rules: what is new becomes an alert, what is no more is marked gone, what comes back is opened again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from services.assets.alerts import repository
from services.assets.alerts.lifecycle import ALERT, AlertAction, AlertFacts, AlertState
from services.assets.alerts.models import AssetAlert
from services.assets.alerts.repository import Hit
from services.assets.alerts.schemas import AlertAct, AlertDetail, AlertOwner, AlertRead, Sweep
from services.assets.refusals import wrong
from services.assets.scoped import repository as scoped
from shared.contracts.assets import AssetEvent
from shared.errors import Refusal
from shared.http import Match
from shared.ids import new_id
from shared.moves import Act, Preview, fire, offers
from shared.permissions import May
from shared.rules import Rule, in_force
from shared.work import Context, Work

DAILY = 24 * 3600
log = structlog.get_logger("alerts")
Look = Callable[[Work, dict[str, Any]], Awaitable[list[Hit]]]

# fmt: off
LOOKS: dict[str, Look] = {
    "risk.contract_expiring":       lambda work, value: repository.expiring(work, int(value["days"])),
    "risk.operator_gone":           lambda work, _: repository.gone_operators(work),
    "risk.rent_unpaid":             lambda work, value: repository.unpaid(work, int(value["days"])),
    "risk.without_contract":        lambda work, value: repository.without_contract(work, int(value["days"])),
    "risk.not_inspected":           lambda work, _: repository.not_inspected(work),
    "risk.use_overdue":             lambda work, _: repository.idle(work),
    "risk.project_without_assets":  lambda work, value: repository.projects_without_assets(work, int(value["days"])),
    "risk.value_differs":           lambda work, _: repository.value_differs(work),
    "risk.asset_without_project":   lambda work, value: repository.without_project(work, int(value["first_year"])),
}
"""Rule → how it is looked for; whether, how strictly and how long to answer is the rule's own (rules/risks.json)."""
# fmt: on


class AssetAlertMoved(AssetEvent):
    """资产预警换了状态; `was` is empty when it is new."""

    topic = "asset_alert.moved"
    alert_id: UUID
    rule: str
    asset_id: UUID | None = None
    was: str
    now: str


async def sweep(work: Work) -> Sweep:
    """Look for everything the rules in force name, in the caller's regions."""
    total = Sweep(found=0, new=0, reopened=0, gone=0)
    for rule in await in_force(work.session, work.today, work.context.settings.district, "risk."):
        if rule.key in LOOKS and rule.value.get("enabled", True):
            await _compare(work, rule, await LOOKS[rule.key](work, rule.value), total)
    return total


async def _compare(work: Work, rule: Rule, hits: list[Hit], total: Sweep) -> None:
    marks = {f"{rule.key}:{hit.subject}": hit for hit in hits}
    known = await repository.known(work, rule.key, sorted(marks))
    total.found += len(marks)
    for mark, hit in marks.items():
        alert = known.pop(mark, None)
        if alert is None:
            await _open(work, rule, mark, hit)
            total.new += 1
            continue
        if alert.gone and alert.state is AlertState.CLOSED:
            await _reopen(work, alert)
            total.reopened += 1
        alert.message, alert.figures, alert.seen_at, alert.gone = hit.message, hit.figures, work.at, False
        work.session.add(alert)
    if len(hits) < repository.MOST:
        for alert in known.values():
            total.gone += not alert.gone
            alert.gone = True
            work.session.add(alert)


async def _open(work: Work, rule: Rule, mark: str, hit: Hit) -> None:
    alert = AssetAlert(
        id=new_id(),
        region=hit.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        mark=mark,
        rule=rule.key,
        rule_ref=rule.ref,
        light=rule.value["light"],
        asset_id=hit.asset_id,
        project_id=hit.project_id,
        title=f"{rule.title}: {hit.title}"[:300],
        message=hit.message,
        figures=hit.figures,
        due_on=work.today + timedelta(days=int(rule.value["answer_days"])),
        state=AlertState.OPEN,
        state_since=work.at,
        seen_at=work.at,
    )
    work.session.add(alert)
    await work.tell(_moved(alert, "", AlertState.OPEN), alert)


async def _reopen(work: Work, alert: AssetAlert) -> None:
    alert.state, alert.state_since, alert.answered_by = AlertState.OPEN, work.at, ""
    alert.version += 1
    await work.tell(_moved(alert, AlertState.CLOSED, AlertState.OPEN), alert, reason="规则再次发现")


def _moved(alert: AssetAlert, was: str, now: str) -> AssetAlertMoved:
    return AssetAlertMoved(alert_id=alert.id, rule=alert.rule, asset_id=alert.asset_id, was=was, now=now)


async def get(work: Work, alert_id: UUID, *, lock: bool = False) -> AssetAlert:
    """One alert of the caller's regions."""
    return await scoped.one(work, AssetAlert, alert_id, "条预警", lock=lock)


def _facts(alert: AssetAlert, act: Act) -> AlertFacts:
    return AlertFacts(reason=act.reason, gone=alert.gone)


def detail(work: Work, alert: AssetAlert) -> AlertDetail:
    """An alert and what the caller could do."""
    found = offers(work, ALERT, alert, _facts(alert, Act()))
    return AlertDetail.model_construct(
        **dict(AlertRead.model_validate(alert)),
        available_actions=[one for one in found if one.action != AlertAction.REOPEN],
    )


async def act(
    work: Work, alert_id: UUID, action: AlertAction, body: AlertAct, *, match: Match, dry_run: bool
) -> AlertDetail | Preview:
    """One step of an alert."""
    alert = await get(work, alert_id, lock=True)
    preview = await fire(
        work,
        ALERT,
        alert,
        action,
        _facts(alert, body),
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _moved(alert, was, now),
    )
    if preview is not None:
        return preview
    if action is AlertAction.ANSWER:
        alert.feedback, alert.answered_by = body.reason, work.actor.id
    work.session.add(alert)
    return detail(work, alert)


async def assign(work: Work, alert_id: UUID, body: AlertOwner, match: Match) -> AssetAlert:
    """Who answers an alert, and until when."""
    alert = await get(work, alert_id, lock=True)
    work.actor.require(May.ASSET_APPROVE, alert.region)
    match.check(alert)
    if body.due_on < work.today:
        raise wrong("deadline_past", "期限早于今天", "/due_on", "The date is past already")
    before = {"owner": alert.owner, "due_on": str(alert.due_on)}
    alert.owner, alert.due_on = body.owner, body.due_on
    alert.version += 1
    alert.updated_at = work.at
    work.session.add(alert)
    await work.tell(_moved(alert, alert.state, alert.state), alert, before=before, reason="指定责任人")
    return alert


async def sweep_forever(context: Context) -> None:
    """The background task: once a day, over everything."""
    while True:
        try:
            async with context.database.write() as session:
                await sweep(context.work(session))
        except Refusal as refusal:
            log.warning("sweep", reason=refusal.detail)
        await asyncio.sleep(DAILY)
