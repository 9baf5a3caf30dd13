"""Play items through the routes that answer them directly, keep what became of them, try held ones again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from services.sync.delegation import (
    Delegate,
    FormerGrant,
    KnownPerson,
    act_for,
    find_person,
    find_signing_key,
    list_ended_grants,
)
from services.sync.items import repository
from services.sync.items.calculation import (
    FORBIDDEN,
    HTTP_OK,
    NOT_FOUND,
    SETTLED,
    ItemOutcome,
    find_current_address,
    hold,
    judge_answer,
    list_differences,
    refuse,
    sort_items,
)
from services.sync.items.models import SyncItem
from services.sync.items.schemas import (
    HoldReason,
    ItemDifference,
    ItemVerdict,
    SyncItemCreate,
    SyncItemResult,
)
from services.sync.targets import Targets, load_targets
from shared.auth import Actor
from shared.clients import ServiceAnswer
from shared.clients.attendance import CHECK_INS_PATH, MAX_CHECK_INS
from shared.errors import ApiError, Unavailable
from shared.unit_of_work import ServiceContext, UnitOfWork

HELD_FOR = timedelta(days=5)
RETENTION = timedelta(days=90)
LEASE = timedelta(seconds=60)
"""How long an item that is being played is left to the process that plays it."""
MAX_PLAY = timedelta(seconds=20)
"""Time after which a request stops playing; what is left is played in the background."""
SAVE_EVERY = 100
"""Items after which outcomes are stored while a long batch is played."""
RETRY_AFTER = {
    HoldReason.UNFINISHED: timedelta(seconds=10),
    HoldReason.UNAVAILABLE: timedelta(minutes=1),
    HoldReason.FILE: timedelta(minutes=2),
    HoldReason.AFTER: timedelta(minutes=5),
    HoldReason.GRANT: timedelta(minutes=10),
    HoldReason.ACCOUNT: timedelta(hours=1),
    HoldReason.SIGNATURE: timedelta(hours=1),
}


_BLANK_RESULT = SyncItemResult(id="", verdict=ItemVerdict.HELD, verdict_label="", status=0)
"""Copied for each result, which takes a quarter of the time of making one."""


@dataclass(slots=True)
class PendingItem:
    """An item that is not settled: what was sent, when it counts for, what has become of it so far."""

    sent: SyncItemCreate
    raw: dict[str, Any]
    digest: str
    judged_at: datetime
    clock_offset_s: float
    device: str
    created_at: datetime
    held_until: datetime
    outcome: ItemOutcome = field(default_factory=lambda: hold(HoldReason.UNFINISHED))


class Playback:
    """One pass over items of one sender."""

    def __init__(
        self, context: ServiceContext, sender: Actor, targets: Targets, settled: Mapping[UUID, ItemVerdict]
    ) -> None:
        self.context = context
        self.sender = sender
        self.targets = targets
        self.verdicts = dict(settled)
        """Verdicts of items that `after` may name, in this pass or stored before."""
        self._delegates: dict[tuple[str, str], Delegate] = {}
        self._persons: dict[str, KnownPerson | None] = {}
        self._ended_grants: dict[str, list[FormerGrant]] = {}
        self._saved: set[UUID] = set()
        self._run: list[tuple[PendingItem, Delegate]] = []

    async def play(self, items: Sequence[PendingItem]) -> None:
        """Give each item its outcome, in an order in which each comes after those it names."""
        order, rings = sort_items([item.sent for item in items])
        order.sort(key=lambda at: not _is_check_in(items[at].sent) or bool(items[at].sent.after))
        started = self.context.clock()
        for nth, at in enumerate(order, 1):
            if self.context.clock() - started > MAX_PLAY:
                break
            await self._play_next(items[at])
            if nth % SAVE_EVERY == 0:
                await self._save_settled(items)
        await self._play_run()
        for at in set(range(len(items))) - set(order):
            ring = refuse("cycle", "“after” 互相等待, 无法办理", "/after")
            items[at].outcome = ring if at in rings else self._wait(items[at])

    async def _play_next(self, item: PendingItem) -> None:
        """Play an item, or let it join the run of check-ins that is sent as one list."""
        is_check_in = _is_check_in(item.sent)
        if not is_check_in or item.sent.after or len(self._run) >= MAX_CHECK_INS:
            await self._play_run()
        delegate = await self._prepare(item)
        if delegate is None:
            self.verdicts[item.sent.id] = item.outcome.verdict
        elif is_check_in:
            if self._run and self._run[0][1] is not delegate:
                await self._play_run()
            self._run.append((item, delegate))
        else:
            await self._play_one(item, delegate)

    async def _save_settled(self, items: Sequence[PendingItem]) -> None:
        fresh = [
            one
            for one in items
            if one.outcome.verdict is not ItemVerdict.HELD and one.sent.id not in self._saved
        ]
        await store_outcomes(self.context, self.sender, fresh)
        self._saved |= {one.sent.id for one in fresh}

    async def _prepare(self, item: PendingItem) -> Delegate | None:
        """The person in whose name the item is played; None when its outcome is known without playing it."""
        if any(self.verdicts.get(one) not in SETTLED for one in item.sent.after):
            item.outcome = self._wait(item)
            return None
        sent = item.sent
        service = self.targets.find_service(sent.path)
        route = self.targets.find_route(service, sent.method, sent.path) if service else None
        if not service and self.targets.missing:
            item.outcome = hold(HoldReason.UNAVAILABLE)
        elif route is None:
            item.outcome = refuse(
                "not_in_batches", "这个地址不能放进批次, 请单独发送: 登录、文件、导出和导入等", "/path"
            )
        elif route.takes_id and isinstance(sent.body, dict) and not sent.body.get("id"):
            item.outcome = refuse("id_required", "手机新增的记录须带手机生成的编号 id (UUIDv7)", "/id")
        else:
            return await self._find_delegate(item)
        return None

    def _wait(self, item: PendingItem) -> ItemOutcome:
        return hold(
            HoldReason.AFTER,
            waits_for=[str(one) for one in item.sent.after if self.verdicts.get(one) not in SETTLED],
        )

    async def _find_delegate(self, item: PendingItem) -> Delegate | None:
        account = item.sent.recorded_by
        if account in {"", self.sender.id}:
            return self._delegate(self.sender, item.device)
        if not item.sent.signature:
            item.outcome = hold(HoldReason.SIGNATURE)
            return None
        if account not in self._persons:
            try:
                self._persons[account] = await find_person(self.context, account)
            except Unavailable:
                item.outcome = hold(HoldReason.UNAVAILABLE)
                return None
        person = self._persons[account]
        if person is None:
            item.outcome = hold(HoldReason.ACCOUNT)
            return None
        key = find_signing_key(person, item.raw, item.sent.signature)
        if not key:
            item.outcome = hold(HoldReason.SIGNATURE)
            return None
        return self._delegate(person.actor, key)

    def _delegate(self, actor: Actor, device: str) -> Delegate:
        name = (actor.id, device)
        if name not in self._delegates:
            delegated = act_for(actor, device=device, sender=self.sender.id)
            self._delegates[name] = Delegate(self.context, delegated)
        return self._delegates[name]

    async def _play_one(self, item: PendingItem, delegate: Delegate) -> None:
        sent = item.sent
        service = self.targets.find_service(sent.path)
        try:
            answer = await delegate.send(
                service,
                sent.method,
                sent.path,
                body=sent.body,
                key=str(sent.id),
                if_match=sent.if_match,
                recorded_at=item.judged_at,
            )
        except Unavailable as error:
            item.outcome = hold(HoldReason.UNAVAILABLE, problem=error.to_problem(instance=sent.path))
            return
        item.outcome = judge_answer(answer.status_code, answer.headers, _read_json(answer))
        await self._hold_for_lost_right(item, delegate)
        if item.outcome.verdict is ItemVerdict.CONFLICT:
            item.outcome.current = await self._find_current(delegate, service, sent)
            item.outcome.differences = list_differences(sent.body, item.outcome.current)
        self.verdicts[sent.id] = item.outcome.verdict

    async def _hold_for_lost_right(self, item: PendingItem, delegate: Delegate) -> None:
        """Hold what its person had the right to when they recorded it and lost since; without that it stays refused.

        A record outside the regions of now is answered 404, one inside without the permission 403.
        """
        sent, outcome = item.sent, item.outcome
        if outcome.verdict is not ItemVerdict.REFUSED or outcome.status not in {FORBIDDEN, NOT_FOUND}:
            return
        actor = delegate.actor
        try:
            if actor.id not in self._ended_grants:
                self._ended_grants[actor.id] = await list_ended_grants(self.context, actor.id)
        except Unavailable:
            outcome.verdict, outcome.reason = ItemVerdict.HELD, HoldReason.UNAVAILABLE
            return
        lost = tuple(
            one.grant
            for one in self._ended_grants[actor.id]
            if one.since <= item.judged_at < one.until and one.grant not in actor.grants
        )
        service = self.targets.find_service(sent.path)
        mays = self.targets.list_permissions(service, sent.method, sent.path)
        if lost and (not mays or replace(actor, grants=lost).can(*mays)):
            outcome.verdict, outcome.reason = ItemVerdict.HELD, HoldReason.GRANT

    @staticmethod
    async def _find_current(delegate: Delegate, service: str, sent: SyncItemCreate) -> Any:  # noqa: ANN401 - any JSON
        try:
            answer = await delegate.send(service, "GET", find_current_address(sent))
        except Unavailable:
            return None
        return _read_json(answer) if answer.status_code == HTTP_OK else None

    async def _play_run(self) -> None:
        """Send check-ins that follow one another as one list: attendance stores them by one commit."""
        run, self._run = self._run, []
        if not run:
            return
        delegate = run[0][1]
        bodies = [_check_in_body(item, self.context.clock()) for item, _ in run]
        try:
            answer = await delegate.send("attendance", "POST", CHECK_INS_PATH, body={"items": bodies})
        except Unavailable as error:
            for item, _ in run:
                item.outcome = hold(HoldReason.UNAVAILABLE, problem=error.to_problem(instance=CHECK_INS_PATH))
            return
        content = _read_json(answer)
        if answer.is_success:
            for (item, _), one in zip(run, content["items"], strict=True):
                item.outcome = _judge_check_in(one)
        else:
            for item, _ in run:
                item.outcome = judge_answer(answer.status_code, answer.headers, content)
                await self._hold_for_lost_right(item, delegate)
        for item, _ in run:
            self.verdicts[item.sent.id] = item.outcome.verdict


def goes_ahead(sender: Actor, sent: SyncItemCreate) -> bool:
    """Whether an item is a check-in of the sender that waits for nothing: played at once, it is stored with its verdict only.

    After a crash in between its phone, which has no answer, sends it again; attendance knows it by its id.
    """
    return _is_check_in(sent) and not sent.after and sent.recorded_by in {"", sender.id}


def _is_check_in(sent: SyncItemCreate) -> bool:
    """Whether an item is a check-in: those that wait for nothing go ahead of all others, as one list.

    No other item of a batch decides how one is judged: that is what was in force at its time.
    """
    return sent.method == "POST" and sent.path == CHECK_INS_PATH


def _check_in_body(item: PendingItem, now: datetime) -> Any:  # noqa: ANN401 - any JSON
    """A check-in with what the phone's clock shows now, so that attendance corrects its time itself."""
    body = item.sent.body
    if not isinstance(body, dict):
        return body
    return {**body, "sent_at": (now - timedelta(seconds=item.clock_offset_s)).isoformat()}


def _judge_check_in(result: dict[str, Any]) -> ItemOutcome:
    match result["result"]:
        case "refused":
            problem = {
                "type": "/problems/invalid",
                "title": "填写有误",
                "status": 422,
                "detail": result["words"],
                "errors": result["errors"],
            }
            return judge_answer(422, {}, problem)
        case "duplicate":
            return ItemOutcome(ItemVerdict.DUPLICATE, status=HTTP_OK, body=result)
        case _:
            return ItemOutcome(ItemVerdict.APPLIED, status=201, body=result)


def _read_json(answer: ServiceAnswer) -> Any:  # noqa: ANN401 - any JSON
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return None


def build_result(item_id: UUID, outcome: ItemOutcome, pending: PendingItem | None = None) -> SyncItemResult:
    """An outcome as phones read it."""
    is_held = outcome.verdict is ItemVerdict.HELD
    return _BLANK_RESULT.model_copy(
        update={
            "id": str(item_id),
            "verdict": outcome.verdict,
            "verdict_label": outcome.verdict.label,
            "status": outcome.status,
            "reason": outcome.reason,
            "reason_label": outcome.reason.label if outcome.reason else "",
            "waits_for": outcome.waits_for,
            "held_until": pending.held_until if pending is not None and is_held else None,
            "recorded_at": pending.sent.recorded_at if pending is not None else None,
            "judged_at": pending.judged_at if pending is not None else None,
            "body": outcome.body,
            "problem": outcome.problem,
            "current": outcome.current,
            "differences": outcome.differences,
        }
    )


async def store_outcomes(
    context: ServiceContext, sender: Actor, items: Sequence[PendingItem], *, lease: bool = False
) -> None:
    """Store items with what became of them so far; with `lease` they are left to this process for `LEASE`."""
    if not items:
        return
    region = find_home(context, sender)
    async with context.database.write() as session:
        work = context.unit_of_work(session, sender)
        rows = [_build_row(work, sender, region, item, lease=lease) for item in items]
        await repository.system_put_items(work, rows)


def _build_row(
    work: UnitOfWork, sender: Actor, region: str, item: PendingItem, *, lease: bool
) -> dict[str, Any]:
    sent, outcome = item.sent, item.outcome
    is_held = outcome.verdict is ItemVerdict.HELD
    due = (LEASE if lease else RETRY_AFTER[outcome.reason]) if is_held else None
    keyring = work.context.keyring
    seal = f"sync_item:{sender.id}:{sent.id}"
    return {
        "account": sender.id,
        "id": sent.id,
        "region": region,
        "title": f"{_describe_method(sent.method)} {sent.path.removeprefix('/api/v1')}"[:200],
        "method": sent.method,
        "path": sent.path,
        "device": item.device,
        "recorded_by": sent.recorded_by or sender.id,
        "recorded_at": sent.recorded_at,
        "judged_at": item.judged_at,
        "clock_offset_s": item.clock_offset_s,
        "after": [str(one) for one in sent.after],
        "digest": item.digest,
        "content": keyring.encrypt(json.dumps(item.raw), associated_data=f"{seal}:content")
        if is_held
        else "",
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "words": outcome.words,
        "status": outcome.status,
        "answer": "" if lease else keyring.encrypt(_pack_outcome(outcome), associated_data=f"{seal}:answer"),
        "created_at": item.created_at,
        "held_until": item.held_until,
        "due_at": work.at + due if due is not None else None,
        "settled_at": None if is_held else work.at,
        "seen_at": None,
    }


def find_home(context: ServiceContext, actor: Actor) -> str:
    """The region a sender's rows belong to: that of their first grant, else the district."""
    return actor.home_region or context.settings.district


def _describe_method(method: str) -> str:
    return {"POST": "新增或办理", "PATCH": "修改", "PUT": "设置", "DELETE": "删除"}[method]


def _pack_outcome(outcome: ItemOutcome) -> str:
    kept = {
        "waits_for": outcome.waits_for,
        "body": outcome.body,
        "problem": outcome.problem,
        "current": outcome.current,
        "differences": outcome.differences,
    }
    return to_json({name: value for name, value in kept.items() if value}).decode()


def read_outcome(context: ServiceContext, item: SyncItem) -> ItemOutcome:
    """The stored outcome of an item."""
    kept: dict[str, Any] = {}
    if item.answer:
        seal = f"sync_item:{item.account}:{item.id}:answer"
        kept = json.loads(context.keyring.decrypt(item.answer, associated_data=seal))
    if item.reason is HoldReason.EXPIRED:
        kept = {"problem": {"status": 410, "title": "已停止办理", "detail": item.words}}
    differences = [ItemDifference.model_validate(one) for one in kept.pop("differences", [])]
    return ItemOutcome(item.verdict, item.reason, status=item.status, differences=differences, **kept)


def read_pending(context: ServiceContext, item: SyncItem) -> PendingItem:
    """A held item as it was sent."""
    seal = f"sync_item:{item.account}:{item.id}:content"
    raw = json.loads(context.keyring.decrypt(item.content, associated_data=seal))
    return PendingItem(
        SyncItemCreate.model_validate(raw),
        raw,
        item.digest,
        item.judged_at,
        item.clock_offset_s,
        item.device,
        item.created_at,
        item.held_until,
    )


async def play_and_store(context: ServiceContext, sender: Actor, items: Sequence[PendingItem]) -> None:
    """Play items of one sender and store what became of them."""
    named = {one for item in items for one in item.sent.after} - {item.sent.id for item in items}
    settled: dict[UUID, ItemVerdict] = {}
    if named:
        async with context.database.read() as session:
            work = context.unit_of_work(session, sender)
            found = await repository.system_list_settled(work, sender.id, named)
            settled = dict.fromkeys(found, ItemVerdict.APPLIED)
    await Playback(context, sender, await load_targets(context), settled).play(items)
    await store_outcomes(context, sender, items)


async def replay_due_items(context: ServiceContext) -> None:
    """Try held items again that are due, with the grants of now; give up those held too long; forget old ones."""
    words = f"等待超过 {HELD_FOR.days} 天, 已停止办理; 请在手机上核对后重新提交"
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        await repository.system_give_up_overdue(work, words)
        await repository.system_delete_old(work, work.at - RETENTION)
        accounts = await repository.system_list_due_accounts(work)
    for account in accounts:
        try:
            person = await find_person(context, account)
        except ApiError:
            return  # identity is away: the next round tries again
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            claimed = await repository.system_claim_due(work, account, work.at + LEASE, MAX_CHECK_INS)
            items = [read_pending(context, one) for one in claimed]
        if person is None:
            sender = Actor(account, account, ())
            for item in items:
                item.outcome = hold(HoldReason.ACCOUNT)
            await store_outcomes(context, sender, items)
        else:
            await play_and_store(context, person.actor, items)


async def acknowledge(work: UnitOfWork, item_id: UUID) -> SyncItem:
    """Take note that an item was given up: it leaves the worklist."""
    item = await repository.get_item(work, item_id)
    if item.reason is HoldReason.EXPIRED and item.seen_at is None:
        item.seen_at = work.at
        work.session.add(item)
    return item
