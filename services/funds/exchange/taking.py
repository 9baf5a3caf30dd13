"""What the finance system sends: each row takes effect once, in a transaction of its own, or is kept with the reason.

A row that comes too early waits and is tried again with every later batch; one that contradicts our books waits for a
person. Nothing is thrown away.
"""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.funds.exchange import repository
from services.funds.exchange.effects import NotYet, effect
from services.funds.exchange.kinds import ExchangeKind, RowState
from services.funds.exchange.models import ExchangeRow
from services.funds.exchange.schemas import (
    MOST_ROWS,
    BatchResult,
    BgtInfoRow,
    PayVoucherRow,
    RowResult,
    Settled,
)
from shared.access import Actor
from shared.contracts.funds import ExchangeRowTaken
from shared.errors import Conflict, Fault, Forbidden, Invalid, NotFound, Refusal, Unavailable
from shared.ids import new_id
from shared.permissions import May
from shared.personal import mask_account
from shared.problems import faults
from shared.work import Context, Work

MODELS: dict[ExchangeKind, type[BgtInfoRow | PayVoucherRow]] = {
    ExchangeKind.BGT_INFO: BgtInfoRow,
    ExchangeKind.PAY_VOUCHER: PayVoucherRow,
}


TRIES = 5
SETTLED = frozenset({RowState.APPLIED, RowState.DISMISSED})


class Raced(Conflict):
    """409: another request dealt with the same row meanwhile; what came of it is the answer."""


def from_csv(text: str) -> list[dict[str, Any]]:
    """Rows of a CSV with a header of column names; empty cells are left out. Invalid when it is none."""
    try:
        reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
        rows = [
            {
                name.strip(): value.strip()
                for name, value in row.items()
                if name and isinstance(value, str) and value.strip()
            }
            for _, row in zip(range(MOST_ROWS + 1), reader, strict=False)
        ]
    except csv.Error as error:
        raise Invalid("CSV 无法读取", "The CSV is malformed") from error
    if not rows or len(rows) > MOST_ROWS:
        detail = f"一次须有 1 至 {MOST_ROWS} 行"
        raise Invalid(detail, "Too few or too many rows", faults=[Fault("rows", detail, "", "/rows")])
    return rows


async def take(
    context: Context, actor: Actor, kind: ExchangeKind, rows: Sequence[dict[str, Any]]
) -> BatchResult:
    """Take a batch, then try again what waited. Unavailable when the database is, with what was done kept."""
    results = [await _one(context, actor, kind, index, row) for index, row in enumerate(rows)]
    settled = await settle(context, actor)
    context.changed.set()
    count = {state: sum(one.state is state for one in results) for state in RowState}
    return BatchResult(
        applied=count[RowState.APPLIED],
        waiting=count[RowState.WAITING],
        refused=count[RowState.REFUSED],
        settled=settled.settled,
        rows=results,
    )


async def _one(
    context: Context, actor: Actor, kind: ExchangeKind, index: int, given: dict[str, Any]
) -> RowResult:
    try:
        row = MODELS[kind].model_validate(given)
    except ValidationError as error:
        told = "; ".join(f"{one.pointer[1:]} {one.detail}" for one in faults(error.errors())[:5])
        name = str(given.get("BGT_ID") or given.get("PAY_APP_ID") or "")[:64]
        return RowResult(index=index, external_id=name, state=RowState.REFUSED, reason=told[:1000])
    digest = hashlib.sha256(json.dumps(row.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    for _ in range(TRIES):
        try:
            return await _tried(context, actor, kind, index, row, digest)
        except Raced:
            continue
    raise Unavailable("同一行正在办理, 请稍后重发", "The same row is being taken", retry_after=1)


def _key(row: BgtInfoRow | PayVoucherRow) -> str:
    return row.BGT_ID if isinstance(row, BgtInfoRow) else str(row.PAY_APP_ID)


async def _tried(
    context: Context,
    actor: Actor,
    kind: ExchangeKind,
    index: int,
    row: BgtInfoRow | PayVoucherRow,
    digest: str,
) -> RowResult:
    key = _key(row)
    async with context.database.read() as session:
        earlier = await repository.same(context.work(session, actor), kind, key, digest)
    if earlier is not None and earlier.state in SETTLED:
        return RowResult(index=index, external_id=key, state=earlier.state, reason=earlier.reason,
                         subject=earlier.subject, repeated=True)  # fmt: skip
    state, reason, subject = await _attempt(
        context, actor, kind, row, digest, earlier.id if earlier else None
    )
    return RowResult(
        index=index,
        external_id=key,
        state=state,
        reason=reason,
        subject=subject,
        repeated=earlier is not None,
    )


async def _attempt(
    context: Context,
    actor: Actor,
    kind: ExchangeKind,
    row: BgtInfoRow | PayVoucherRow,
    digest: str,
    earlier: UUID | None,
) -> tuple[RowState, str, str]:
    """Effect and record together; or, when there is no effect, the record alone with the reason."""
    try:
        async with context.database.write() as session:
            work = context.work(session, actor)
            region, subject = await effect(work, row)
            await _unraced(work, kind, row, digest, earlier)
            await _keep(work, kind, row, digest, earlier, RowState.APPLIED, "", region, subject)
            return RowState.APPLIED, "", subject
    except (Unavailable, Raced):
        raise
    except Refusal as refusal:
        state = RowState.WAITING if isinstance(refusal, NotYet) else RowState.REFUSED
        region = getattr(refusal, "region", "") or _home(actor)
        async with context.database.write() as session:
            work = context.work(session, actor)
            await _unraced(work, kind, row, digest, earlier)
            await _keep(work, kind, row, digest, earlier, state, _why(refusal), region, "")
        return state, _why(refusal), ""


def _why(refusal: Refusal) -> str:
    """The refusal with everything it points at."""
    told = [fault.detail for fault in refusal.faults if fault.detail not in refusal.detail]
    return f"{refusal.detail}: {'; '.join(told)}" if told else refusal.detail


async def _unraced(
    work: Work, kind: ExchangeKind, row: BgtInfoRow | PayVoucherRow, digest: str, earlier: UUID | None
) -> None:
    """Raced when a record of this row appeared since we looked, or the one we saw was settled."""
    now = await repository.same(work, kind, _key(row), digest, lock=True)
    if now is not None and (now.id != earlier or now.state in SETTLED):
        raise Raced("这一行刚刚办理过", "This row was just dealt with")


def _home(actor: Actor) -> str:
    """Where a row belongs whose record we do not know: to the sender."""
    return actor.grants[0].region


async def _keep(
    work: Work,
    kind: ExchangeKind,
    row: BgtInfoRow | PayVoucherRow,
    digest: str,
    earlier: UUID | None,
    state: RowState,
    reason: str,
    region: str,
    subject: str,
) -> None:
    if earlier is None:
        content = row.model_dump(mode="json")
        if number := content.get("PAYEE_ACCT_NO"):
            content["PAYEE_ACCT_NO"] = mask_account(number)
        kept = ExchangeRow(id=new_id(), region=region, created_at=work.at, created_by=work.actor.id,
                           updated_at=work.at, kind=kind, external_id=_key(row), content_digest=digest,
                           content=content, state=state)  # fmt: skip
    else:
        kept = await repository.get(work, earlier, lock=True)
        kept.version, kept.tries, kept.updated_at = kept.version + 1, kept.tries + 1, work.at
    kept.state, kept.reason, kept.subject = state, reason, subject
    if state is RowState.APPLIED:
        kept.settled_at, kept.settled_by = work.at, work.actor.id
    if earlier is not None:
        work.session.add(kept)
    elif not await repository.add(work, kept):
        raise Raced("这一行刚刚办理过", "This row was just dealt with")
    await work.tell(ExchangeRowTaken(row_id=kept.id, kind=kind, state=state), kept, reason=reason)


async def settle(context: Context, actor: Actor) -> Settled:
    """Try again everything that waited in the actor's regions."""
    async with context.database.read() as session:
        ids = await repository.waiting(context.work(session, actor))
    done = 0
    for row_id in ids:
        async with context.database.read() as session:
            kept = await repository.get(context.work(session, actor), row_id)
        row = MODELS[kept.kind].model_validate(kept.content)
        try:
            state, _, _ = await _attempt(context, actor, kept.kind, row, kept.content_digest, kept.id)
        except (Conflict, NotFound, Forbidden):
            continue
        done += state is RowState.APPLIED
    return Settled(settled=done, waiting=len(ids) - done)


async def dismiss(work: Work, row_id: UUID, reason: str) -> ExchangeRow:
    """Say why a row is not dealt with any more. Conflict for one that took effect."""
    kept = await repository.get(work, row_id, lock=True)
    work.actor.require(May.RECONCILE, kept.region)
    if kept.state is RowState.APPLIED:
        raise Conflict("这一行已入账", "This row took effect")
    kept.state, kept.note = RowState.DISMISSED, reason
    kept.settled_at, kept.settled_by = work.at, work.actor.id
    kept.version, kept.updated_at = kept.version + 1, work.at
    work.session.add(kept)
    await work.tell(ExchangeRowTaken(row_id=kept.id, kind=kept.kind, state=kept.state), kept, reason=reason)
    return kept
