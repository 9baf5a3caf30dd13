"""Import batches of rows, each in its own transaction; retry rows whose dependency has arrived; dismiss rows.

A row without its dependency is stored as WAITING; a row whose content differs from the books is stored as REFUSED.
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
    ExchangeRetryResult,
    ExchangeRowState,
    IncomingRow,
    RowResult,
)
from shared.auth import Actor, Grant, May, Role, mask_account
from shared.clients.funds import ExchangeRowTaken
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, Forbidden, Invalid, NotFound, Unavailable
from shared.http import to_field_errors
from shared.records import log_event, save_record, touch_record
from shared.unit_of_work import ServiceContext, UnitOfWork

MAX_ATTEMPTS = 5
SETTLED_STATES = frozenset({ExchangeRowState.APPLIED, ExchangeRowState.DISMISSED})


class ConcurrentUpdate(Conflict):
    """409: another request settled the same row meanwhile; the caller reads its result."""

    slug = "raced"


def parse_csv(text: str) -> list[dict[str, Any]]:
    """Parse a CSV with a header; empty cells are left out. Invalid if it is malformed or has 0 or too many rows."""
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
    """Import rows one by one. Unavailable if the database is down; rows imported before are kept."""
    results = [await _import_row(context, actor, kind, index, row) for index, row in enumerate(rows)]
    count_by_state = {state: sum(result.state is state for result in results) for state in ExchangeRowState}
    return BatchResult(
        applied=count_by_state[ExchangeRowState.APPLIED],
        waiting=count_by_state[ExchangeRowState.WAITING],
        refused=count_by_state[ExchangeRowState.REFUSED],
        rows=results,
    )


async def _import_row(
    context: ServiceContext, actor: Actor, kind: ExchangeKind, index: int, values: dict[str, Any]
) -> RowResult:
    try:
        row = ROW_TYPES[kind].model_validate(values)
    except ValidationError as invalid:
        errors = to_field_errors(invalid.errors())[:5]
        reason = "; ".join(f"{error.pointer[1:]} {error.detail}" for error in errors)
        external_id = str(values.get(ROW_TYPES[kind].key_column) or "")[:64]
        return RowResult(
            index=index, external_id=external_id, state=ExchangeRowState.REFUSED, reason=reason[:1000]
        )
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
    """Result of applying a row: state, our record, and the dependency it waits for."""

    state: ExchangeRowState
    region: str
    reason: str = ""
    subject: str = ""
    payment: UUID | None = None
    document: str = ""

    @classmethod
    def from_error(cls, error: ApiError, sender_region: str) -> "_RowOutcome":
        """Build the outcome of an error with all its messages. Without a known record the row belongs to the sender's region."""
        details = [
            field_error.detail for field_error in error.errors if field_error.detail not in error.detail
        ]
        reason = f"{error.detail}: {'; '.join(details)}" if details else error.detail
        if isinstance(error, DependencyMissing):
            return cls(ExchangeRowState.WAITING, sender_region, reason, "", error.payment, error.document)
        return cls(ExchangeRowState.REFUSED, sender_region, reason)


async def apply_and_record(
    context: ServiceContext, actor: Actor, row: IncomingRow, digest: str, earlier: UUID | None
) -> tuple[ExchangeRowState, str, str]:
    """Apply a row and record it in one transaction; if it cannot be applied, record the reason alone.

    ConcurrentUpdate if another request settled the row meanwhile.
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
    except ApiError as error:
        outcome = _RowOutcome.from_error(error, actor.grants[0].region)
        async with context.database.write() as session:
            await _save_row(context.unit_of_work(session, actor), row, digest, earlier, outcome)
        return outcome.state, outcome.reason, ""


async def _save_row(
    work: UnitOfWork, row: IncomingRow, digest: str, earlier: UUID | None, outcome: _RowOutcome
) -> None:
    """Insert or update the record of the row; ConcurrentUpdate if another request inserted or settled it meanwhile."""
    same_row = await repository.find_same_row(work, row.kind, row.key, digest, lock=True)
    if same_row is not None and (same_row.id != earlier or same_row.state in SETTLED_STATES):
        raise ConcurrentUpdate("这一行刚刚办理过", "This row was just dealt with")
    if earlier is None:
        content = row.model_dump(mode="json")
        if number := content.get("PAYEE_ACCT_NO"):
            content["PAYEE_ACCT_NO"] = mask_account(number)
        record = ExchangeRow(id=new_id(), region=outcome.region, created_at=work.at, created_by=work.actor.id,
                           updated_at=work.at, kind=row.kind, external_id=row.key, content_digest=digest,
                           content=content, state=outcome.state)  # fmt: skip
    else:
        record = await repository.get_row(work, earlier, lock=True)
        record.tries += 1
    record.state, record.reason, record.subject = outcome.state, outcome.reason, outcome.subject
    record.awaits_payment, record.awaits_document = outcome.payment, outcome.document
    if outcome.state is ExchangeRowState.APPLIED:
        record.settled_at, record.settled_by = work.at, work.actor.id
    if earlier is not None:
        touch_record(work, record)
    elif not await repository.insert_row(work, record):
        raise ConcurrentUpdate("这一行刚刚办理过", "This row was just dealt with")
    event = ExchangeRowTaken(row_id=record.id, kind=row.kind, state=outcome.state)
    await log_event(work, record, event, reason=outcome.reason)


async def import_batch(
    context: ServiceContext, actor: Actor, kind: ExchangeKind, rows: Sequence[dict[str, Any]]
) -> BatchResult:
    """Import a batch, then retry the rows it made ready. Unavailable if the database is down; rows imported before are kept."""
    result = await import_rows(context, actor, kind, rows)
    retried = await retry_ready_rows(context)
    context.changed.set()
    return result.model_copy(update={"settled": retried})


async def retry_waiting_rows(context: ServiceContext, actor: Actor) -> ExchangeRetryResult:
    """Retry all waiting rows of the actor's regions."""
    async with context.database.read() as session:
        rows = await repository.list_waiting_rows(context.unit_of_work(session, actor))
    applied = await _retry_rows(context, rows, actor)
    return ExchangeRetryResult(settled=applied, waiting=len(rows) - applied)


async def retry_ready_rows(context: ServiceContext) -> int:
    """Retry rows whose dependency has changed since, each as its sender; return how many were applied."""
    async with context.database.read() as session:
        rows = await repository.system_list_ready_rows(context.unit_of_work(session))
    return await _retry_rows(context, rows)


async def _retry_rows(
    context: ServiceContext, rows: Iterable[ExchangeRow], actor: Actor | None = None
) -> int:
    applied = 0
    for record in rows:
        row = ROW_TYPES[record.kind].model_validate(record.content)
        try:
            state, _, _ = await apply_and_record(
                context, actor or _build_sender(record), row, record.content_digest, record.id
            )
        except (Conflict, NotFound, Forbidden):
            continue
        applied += state is ExchangeRowState.APPLIED
    if applied:
        context.changed.set()
    return applied


def _build_sender(record: ExchangeRow) -> Actor:
    """Actor of the row's sender with the machine role in the row's region."""
    return Actor(record.created_by, record.created_by, (Grant(Role.MACHINE, record.region),), kind="machine")


async def dismiss_row(work: UnitOfWork, row_id: UUID, reason: str) -> ExchangeRow:
    """Dismiss a row with a reason. Conflict for an applied row."""
    record = await repository.get_row(work, row_id, lock=True)
    work.actor.require(May.RECONCILE, record.region)
    if record.state is ExchangeRowState.APPLIED:
        raise Conflict("这一行已入账", "This row took effect")
    record.state, record.note = ExchangeRowState.DISMISSED, reason
    record.settled_at, record.settled_by = work.at, work.actor.id
    await save_record(
        work, record, ExchangeRowTaken(row_id=record.id, kind=record.kind, state=record.state), reason=reason
    )
    return record
