"""Import batches of rows, each in its own transaction; retry rows whose dependency has arrived; dismiss rows.

A row without its dependency is kept as waiting; a row that contradicts the books is kept as refused.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.funds.exchange import repository
from services.funds.exchange.errors import DependencyMissing
from services.funds.exchange.importer import apply_row
from services.funds.exchange.models import ExchangeRow
from services.funds.exchange.schemas import (
    MAX_BATCH_ROWS,
    ROW_TYPES,
    BatchResult,
    ExchangeKind,
    ExchangeRowState,
    IncomingRow,
    RetryResult,
    RowResult,
)
from shared.auth import Actor, Grant, May, Role, mask_account
from shared.clients.funds import ExchangeRowTaken
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, Forbidden, Invalid, NotFound, Unavailable
from shared.http import to_field_errors
from shared.unit_of_work import ServiceContext, UnitOfWork

MAX_ATTEMPTS = 5
SETTLED_STATES = frozenset({ExchangeRowState.APPLIED, ExchangeRowState.DISMISSED})


class ConcurrentUpdate(Conflict):
    """409: another request dealt with the same row meanwhile; what came of it is the answer."""

    slug = "raced"


def parse_csv(text: str) -> list[dict[str, Any]]:
    """Rows of a CSV with a header of column names; empty cells are left out. Invalid when it is none."""
    try:
        reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
        rows = [
            {
                name.strip(): value.strip()
                for name, value in row.items()
                if name and isinstance(value, str) and value.strip()
            }
            for _, row in zip(range(MAX_BATCH_ROWS + 1), reader, strict=False)
        ]
    except csv.Error as error:
        raise Invalid("CSV 无法读取", "The CSV is malformed") from error
    if not rows or len(rows) > MAX_BATCH_ROWS:
        detail = f"一次须有 1 至 {MAX_BATCH_ROWS} 行"
        raise Invalid(detail, "Too few or too many rows", errors=[FieldError("rows", detail, "", "/rows")])
    return rows


async def import_rows(
    context: ServiceContext, actor: Actor, kind: ExchangeKind, rows: Sequence[dict[str, Any]]
) -> BatchResult:
    """Take a batch. Unavailable when the database is, with what was done kept."""
    results = [await _import_row(context, actor, kind, index, row) for index, row in enumerate(rows)]
    count = {state: sum(one.state is state for one in results) for state in ExchangeRowState}
    return BatchResult(
        applied=count[ExchangeRowState.APPLIED],
        waiting=count[ExchangeRowState.WAITING],
        refused=count[ExchangeRowState.REFUSED],
        rows=results,
    )


async def _import_row(
    context: ServiceContext, actor: Actor, kind: ExchangeKind, index: int, given: dict[str, Any]
) -> RowResult:
    try:
        row = ROW_TYPES[kind].model_validate(given)
    except ValidationError as error:
        told = "; ".join(f"{one.pointer[1:]} {one.detail}" for one in to_field_errors(error.errors())[:5])
        name = str(given.get(ROW_TYPES[kind].key_column) or "")[:64]
        return RowResult(index=index, external_id=name, state=ExchangeRowState.REFUSED, reason=told[:1000])
    digest = hashlib.sha256(json.dumps(row.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    for _ in range(MAX_ATTEMPTS):
        try:
            return await _import_row_once(context, actor, index, row, digest)
        except ConcurrentUpdate:
            continue
    raise Unavailable("同一行正在办理, 请稍后重发", "The same row is being taken", retry_after=1)


async def _import_row_once(
    context: ServiceContext, actor: Actor, index: int, row: IncomingRow, digest: str
) -> RowResult:
    key = row.key
    async with context.database.read() as session:
        earlier = await repository.find_same_row(context.unit_of_work(session, actor), row.kind, key, digest)
    if earlier is not None and earlier.state in SETTLED_STATES:
        return RowResult(index=index, external_id=key, state=earlier.state, reason=earlier.reason,
                         subject=earlier.subject, repeated=True)  # fmt: skip
    state, reason, subject = await apply_and_record(
        context, actor, row, digest, earlier.id if earlier else None
    )
    return RowResult(
        index=index,
        external_id=key,
        state=state,
        reason=reason,
        subject=subject,
        repeated=earlier is not None,
    )


@dataclass(frozen=True)
class _RowOutcome:
    """What came of a row, and what it still waits for."""

    state: ExchangeRowState
    region: str
    reason: str = ""
    subject: str = ""
    payment: UUID | None = None
    document: str = ""

    @classmethod
    def from_error(cls, refusal: ApiError, home: str) -> "_RowOutcome":
        """A refusal with everything it points at; a row whose record we do not know belongs to the sender."""
        told = [fault.detail for fault in refusal.errors if fault.detail not in refusal.detail]
        reason = f"{refusal.detail}: {'; '.join(told)}" if told else refusal.detail
        if isinstance(refusal, DependencyMissing):
            return cls(ExchangeRowState.WAITING, home, reason, "", refusal.payment, refusal.document)
        return cls(ExchangeRowState.REFUSED, home, reason)


async def apply_and_record(
    context: ServiceContext, actor: Actor, row: IncomingRow, digest: str, earlier: UUID | None
) -> tuple[ExchangeRowState, str, str]:
    """Effect and record together; or, when there is no effect, the record alone with the reason.

    Conflict when another request dealt with the row meanwhile.
    """
    try:
        async with context.database.write() as session:
            work = context.unit_of_work(session, actor)
            region, subject = await apply_row(work, row)
            await _save_row(
                work, row, digest, earlier, _RowOutcome(ExchangeRowState.APPLIED, region, subject=subject)
            )
            return ExchangeRowState.APPLIED, "", subject
    except (Unavailable, ConcurrentUpdate):
        raise
    except ApiError as refusal:
        outcome = _RowOutcome.from_error(refusal, actor.grants[0].region)
        async with context.database.write() as session:
            await _save_row(context.unit_of_work(session, actor), row, digest, earlier, outcome)
        return outcome.state, outcome.reason, ""


async def _save_row(
    work: UnitOfWork, row: IncomingRow, digest: str, earlier: UUID | None, outcome: _RowOutcome
) -> None:
    """The record of the row; Raced when another appeared since we looked, or the one we saw was settled."""
    now = await repository.find_same_row(work, row.kind, row.key, digest, lock=True)
    if now is not None and (now.id != earlier or now.state in SETTLED_STATES):
        raise ConcurrentUpdate("这一行刚刚办理过", "This row was just dealt with")
    if earlier is None:
        content = row.model_dump(mode="json")
        if number := content.get("PAYEE_ACCT_NO"):
            content["PAYEE_ACCT_NO"] = mask_account(number)
        kept = ExchangeRow(id=new_id(), region=outcome.region, created_at=work.at, created_by=work.actor.id,
                           updated_at=work.at, kind=row.kind, external_id=row.key, content_digest=digest,
                           content=content, state=outcome.state)  # fmt: skip
    else:
        kept = await repository.get_row(work, earlier, lock=True)
        kept.version, kept.tries, kept.updated_at = kept.version + 1, kept.tries + 1, work.at
    kept.state, kept.reason, kept.subject = outcome.state, outcome.reason, outcome.subject
    kept.awaits_payment, kept.awaits_document = outcome.payment, outcome.document
    if outcome.state is ExchangeRowState.APPLIED:
        kept.settled_at, kept.settled_by = work.at, work.actor.id
    if earlier is not None:
        work.session.add(kept)
    elif not await repository.insert_row(work, kept):
        raise ConcurrentUpdate("这一行刚刚办理过", "This row was just dealt with")
    event = ExchangeRowTaken(row_id=kept.id, kind=row.kind, state=outcome.state)
    await work.publish(event, kept, reason=outcome.reason)


async def import_batch(
    context: ServiceContext, actor: Actor, kind: ExchangeKind, rows: Sequence[dict[str, Any]]
) -> BatchResult:
    """Take a batch, then what it or others made ready. Unavailable when the database is, with what was done kept."""
    taken = await import_rows(context, actor, kind, rows)
    settled = await retry_ready_rows(context)
    context.changed.set()
    return taken.model_copy(update={"settled": settled})


async def retry_waiting_rows(context: ServiceContext, actor: Actor) -> RetryResult:
    """Try again everything that waited in the actor's regions."""
    async with context.database.read() as session:
        rows = await repository.list_waiting_rows(context.unit_of_work(session, actor))
    done = await _retry_rows(context, rows, actor)
    return RetryResult(settled=done, waiting=len(rows) - done)


async def retry_ready_rows(context: ServiceContext) -> int:
    """Try what waits for something that has come since, each in the name of who sent it; how many took effect."""
    async with context.database.read() as session:
        rows = await repository.system_list_ready_rows(context.unit_of_work(session))
    return await _retry_rows(context, rows)


async def _retry_rows(
    context: ServiceContext, rows: Iterable[ExchangeRow], actor: Actor | None = None
) -> int:
    done = 0
    for kept in rows:
        row = ROW_TYPES[kept.kind].model_validate(kept.content)
        try:
            state, _, _ = await apply_and_record(
                context, actor or _build_sender(kept), row, kept.content_digest, kept.id
            )
        except (Conflict, NotFound, Forbidden):
            continue
        done += state is ExchangeRowState.APPLIED
    if done:
        context.changed.set()
    return done


def _build_sender(kept: ExchangeRow) -> Actor:
    """Who sent a row, with what a sender may do at home, where the row is kept."""
    return Actor(kept.created_by, kept.created_by, (Grant(Role.MACHINE, kept.region),), kind="machine")


async def dismiss_row(work: UnitOfWork, row_id: UUID, reason: str) -> ExchangeRow:
    """Say why a row is not dealt with any more. Conflict for one that took effect."""
    kept = await repository.get_row(work, row_id, lock=True)
    work.actor.require(May.RECONCILE, kept.region)
    if kept.state is ExchangeRowState.APPLIED:
        raise Conflict("这一行已入账", "This row took effect")
    kept.state, kept.note = ExchangeRowState.DISMISSED, reason
    kept.settled_at, kept.settled_by = work.at, work.actor.id
    kept.version, kept.updated_at = kept.version + 1, work.at
    work.session.add(kept)
    await work.publish(
        ExchangeRowTaken(row_id=kept.id, kind=kept.kind, state=kept.state), kept, reason=reason
    )
    return kept
