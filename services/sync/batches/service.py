"""Take a batch: store what came, play it, answer with a verdict for each item."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from services.sync.batches import repository
from services.sync.batches.models import SyncBatch
from services.sync.batches.schemas import SyncBatchCreate, SyncBatchResult
from services.sync.items import repository as items_repository
from services.sync.items import service as items_service
from services.sync.items.calculation import (
    SETTLED,
    ItemOutcome,
    compute_batch_id,
    compute_digest,
    compute_offset,
    correct_time,
    refuse,
)
from services.sync.items.models import SyncItem
from services.sync.items.schemas import HoldReason, ItemVerdict, SyncItemCreate, SyncItemResult
from services.sync.items.service import HELD_FOR, RETENTION, PendingItem, build_result
from shared.auth import Actor
from shared.errors import FieldError
from shared.http import list_invisible_texts, to_field_errors
from shared.http.rate_limits import RateLimiter
from shared.metrics import SYNC_VERDICTS
from shared.unit_of_work import ServiceContext, UnitOfWork

ALL_ITEMS = TypeAdapter(list[SyncItemCreate])
BUDGET_KEY = "sync_budget"
CONFLICT_STATUS = 409
MAX_ID_LENGTH = 64
MAX_WAITING = 200
"""Items of earlier batches that are tried again with a new one."""


@dataclass
class Intake:
    """The parts of one batch: items by position, and the results of what is none."""

    ids: list[str] = field(default_factory=list)
    items: dict[int, tuple[SyncItemCreate, dict[str, Any]]] = field(default_factory=dict)
    malformed: dict[int, SyncItemResult] = field(default_factory=dict)


async def take_batch(
    context: ServiceContext, actor: Actor, body: SyncBatchCreate, *, looks_for_invisible: bool = False
) -> SyncBatchResult:
    """Play a batch in its sender's name; the same batch sent again goes on where it stopped.

    `looks_for_invisible`: the body holds bytes of characters that nobody sees; items that hold one are refused.
    """
    received_at = context.clock()
    offset_s = compute_offset(body.sent_at, received_at)
    intake = read_items(body.items)
    if looks_for_invisible:
        _refuse_invisible(intake)
    batch = SyncBatch(
        id=compute_batch_id(actor.id, intake.ids),
        account=actor.id,
        region=items_service.find_home(context, actor),
        device=body.device or actor.device,
        sent_at=body.sent_at,
        received_at=received_at,
        clock_offset_s=offset_s,
        items=intake.ids,
        malformed={},
    )
    ids = {item.id for item, _ in intake.items.values()}
    async with context.database.read() as session:
        work = context.unit_of_work(session, actor)
        known = await items_repository.system_list_items(work, actor.id, ids)
        waiting = await items_repository.system_list_waiting(work, actor.id, MAX_WAITING)
    pending = _list_pending(intake, known, batch)
    _count(context, actor, len(pending) + len(intake.malformed) - sum(one in known for one in ids))
    await _store_batch(context, actor, batch, intake)
    later = [one for one in pending.values() if not items_service.goes_ahead(actor, one.sent)]
    await items_service.store_outcomes(context, actor, later, lease=True)
    others = [items_service.read_pending(context, one) for one in waiting if one.id not in ids]
    await items_service.play_and_store(context, actor, [*pending.values(), *others])
    played = {at: build_result(one.sent.id, one.outcome, one) for at, one in pending.items()}
    results = _collect_results(context, intake, known, played)
    for verdict, count in Counter(one.verdict for one in results).items():
        SYNC_VERDICTS.labels(str(verdict)).inc(count)
    return SyncBatchResult.model_construct(
        batch_id=batch.id, received_at=received_at, clock_offset_s=offset_s, results=results
    )


def read_items(given: Sequence[Any]) -> Intake:
    """Tell items from what is none; each fault is named at its own position."""
    intake = Intake()
    parsed: Sequence[SyncItemCreate | None]
    try:
        parsed = ALL_ITEMS.validate_python(given)
    except ValidationError:
        parsed = [_read_item(intake, at, one) for at, one in enumerate(given)]
    seen: set[UUID] = set()
    for at, item in enumerate(parsed):
        intake.ids.append(_sent_id(given[at]))
        if item is None:
            continue
        if item.id in seen:
            outcome = refuse("repeated_id", "同一批里两条用了同一个编号", "/id")
            intake.malformed[at] = build_result(item.id, outcome)
            continue
        seen.add(item.id)
        intake.items[at] = (item, given[at])
    return intake


def _sent_id(given: Any) -> str:  # noqa: ANN401 - whatever came
    text = str(given.get("id", ""))[:MAX_ID_LENGTH] if isinstance(given, dict) else ""
    return text if text.isprintable() else ""


def _refuse_invisible(intake: Intake) -> None:
    for at, (item, raw) in list(intake.items.items()):
        if errors := list_invisible_texts(raw):
            del intake.items[at]
            intake.malformed[at] = build_result(item.id, _refuse_all(errors))


def _refuse_all(errors: Sequence[FieldError]) -> ItemOutcome:
    """The refusal of an item for these errors; pointers are into its body, where they are of the body."""
    outcome = refuse(errors[0].code, _write_visibly(f"{errors[0].pointer}: {errors[0].detail}".lstrip(": ")))
    if outcome.problem is not None:
        outcome.problem["errors"] = [
            {
                "pointer": _write_visibly(one.pointer.removeprefix("/body")),
                "code": one.code,
                "detail": _write_visibly(one.detail),
            }
            for one in errors
        ]
    return outcome


def _write_visibly(text: str) -> str:
    """The text with `?` for NUL and whatever else is not seen: names of members come from the phone, and results are stored."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _read_item(intake: Intake, at: int, given: Any) -> SyncItemCreate | None:  # noqa: ANN401 - whatever came
    try:
        return SyncItemCreate.model_validate(given)
    except ValidationError as error:
        result = build_result(UUID(int=0), _refuse_all(to_field_errors(error.errors())))
        result.id = _sent_id(given)
        intake.malformed[at] = result
        return None


def _list_pending(intake: Intake, known: Mapping[UUID, SyncItem], batch: SyncBatch) -> dict[int, PendingItem]:
    """The items that must be played: those that are new, held, or were not accepted before."""
    found: dict[int, PendingItem] = {}
    for at, (item, raw) in intake.items.items():
        digest, stored = compute_digest(item), known.get(item.id)
        if stored is not None and stored.verdict in SETTLED:
            if stored.digest != digest:
                outcome = refuse("id_taken", "这个编号已用于内容不同的记录", "/id", CONFLICT_STATUS)
                intake.malformed[at] = build_result(item.id, outcome)
            continue
        judged_at = correct_time(item.recorded_at, batch.clock_offset_s, batch.received_at)
        since = stored.created_at if stored is not None else batch.received_at
        until = stored.held_until if stored is not None else batch.received_at + HELD_FOR
        if stored is not None and stored.reason is HoldReason.EXPIRED:
            since, until = batch.received_at, batch.received_at + HELD_FOR
        found[at] = PendingItem(
            item, raw, digest, judged_at, batch.clock_offset_s, batch.device, since, until
        )
    return found


def _count(context: ServiceContext, actor: Actor, number: int) -> None:
    """Count new items; RateLimited when the person sends more than the budget."""
    limiter = context.memory.setdefault(BUDGET_KEY, RateLimiter(context.settings.rates, context.clock))
    if number > 0:
        limiter.count_items("sync_items", actor.person or actor.id, number)


async def _store_batch(context: ServiceContext, actor: Actor, batch: SyncBatch, intake: Intake) -> None:
    async with context.database.write() as session:
        work = context.unit_of_work(session, actor)
        batch.malformed = {str(at): one.model_dump(mode="json") for at, one in intake.malformed.items()}
        await repository.put_batch(work, batch)


def _collect_results(
    context: ServiceContext,
    intake: Intake,
    known: Mapping[UUID, SyncItem],
    played: Mapping[int, SyncItemResult],
) -> list[SyncItemResult]:
    results = []
    for at in range(len(intake.ids)):
        found = intake.malformed.get(at) or played.get(at)
        if found is None:
            stored = known[intake.items[at][0].id]
            found = build_stored_result(context, stored, repeated=True)
        results.append(found)
    return results


def build_stored_result(context: ServiceContext, item: SyncItem, *, repeated: bool = False) -> SyncItemResult:
    """The result of an item as it was stored; `repeated`: it was sent once more."""
    outcome: ItemOutcome = items_service.read_outcome(context, item)
    if repeated and outcome.verdict is ItemVerdict.APPLIED:
        outcome.verdict = ItemVerdict.DUPLICATE
    result = build_result(item.id, outcome)
    result.recorded_at, result.judged_at = item.recorded_at, item.judged_at
    result.held_until = item.held_until if outcome.verdict is ItemVerdict.HELD else None
    return result


async def get_batch(work: UnitOfWork, batch_id: UUID) -> SyncBatchResult:
    """The results of one of the caller's batches as they stand now."""
    batch = await repository.get_own_batch(work, batch_id)
    malformed = {int(at): SyncItemResult.model_validate(one) for at, one in batch.malformed.items()}
    ids = {at: UUID(text) for at, text in enumerate(batch.items) if at not in malformed}
    known = await items_repository.system_list_items(work, work.actor.id, ids.values())
    return SyncBatchResult(
        batch_id=batch.id,
        received_at=batch.received_at,
        clock_offset_s=batch.clock_offset_s,
        results=[
            malformed[at] if at in malformed else build_stored_result(work.context, known[ids[at]])
            for at in range(len(batch.items))
            if at in malformed or ids[at] in known
        ],
    )


async def delete_old_batches(context: ServiceContext) -> None:
    """Forget batches after `RETENTION`."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        before: datetime = work.at - RETENTION
        await repository.system_delete_old(work, before)
