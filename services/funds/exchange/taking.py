"""What the finance system sends: each row takes effect once, in a transaction of its own, or is kept with the reason.

A row that comes too early waits for what it is about (settling.py); one that contradicts our books waits for a person.
Nothing is thrown away.
"""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.funds.exchange import repository
from services.funds.exchange.early import NotYet
from services.funds.exchange.effects import effect
from services.funds.exchange.kinds import ExchangeKind, RowState
from services.funds.exchange.models import ExchangeRow
from services.funds.exchange.schemas import MOST_ROWS, ROWS, BatchResult, RowResult, SentRow
from shared.access import Actor
from shared.contracts.funds import ExchangeRowTaken
from shared.errors import Conflict, Fault, Invalid, Refusal, Unavailable
from shared.ids import new_id
from shared.personal import mask_account
from shared.problems import faults
from shared.work import Context, Work

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
    """Take a batch. Unavailable when the database is, with what was done kept."""
    results = [await _one(context, actor, kind, index, row) for index, row in enumerate(rows)]
    count = {state: sum(one.state is state for one in results) for state in RowState}
    return BatchResult(
        applied=count[RowState.APPLIED],
        waiting=count[RowState.WAITING],
        refused=count[RowState.REFUSED],
        rows=results,
    )


async def _one(
    context: Context, actor: Actor, kind: ExchangeKind, index: int, given: dict[str, Any]
) -> RowResult:
    try:
        row = ROWS[kind].model_validate(given)
    except ValidationError as error:
        told = "; ".join(f"{one.pointer[1:]} {one.detail}" for one in faults(error.errors())[:5])
        name = str(given.get(ROWS[kind].key_column) or "")[:64]
        return RowResult(index=index, external_id=name, state=RowState.REFUSED, reason=told[:1000])
    digest = hashlib.sha256(json.dumps(row.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    for _ in range(TRIES):
        try:
            return await _tried(context, actor, index, row, digest)
        except Raced:
            continue
    raise Unavailable("同一行正在办理, 请稍后重发", "The same row is being taken", retry_after=1)


async def _tried(context: Context, actor: Actor, index: int, row: SentRow, digest: str) -> RowResult:
    key = row.key
    async with context.database.read() as session:
        earlier = await repository.same(context.work(session, actor), row.kind, key, digest)
    if earlier is not None and earlier.state in SETTLED:
        return RowResult(index=index, external_id=key, state=earlier.state, reason=earlier.reason,
                         subject=earlier.subject, repeated=True)  # fmt: skip
    state, reason, subject = await attempt(context, actor, row, digest, earlier.id if earlier else None)
    return RowResult(
        index=index,
        external_id=key,
        state=state,
        reason=reason,
        subject=subject,
        repeated=earlier is not None,
    )


@dataclass(frozen=True)
class _Outcome:
    """What came of a row, and what it still waits for."""

    state: RowState
    region: str
    reason: str = ""
    subject: str = ""
    payment: UUID | None = None
    document: str = ""

    @classmethod
    def of(cls, refusal: Refusal, home: str) -> "_Outcome":
        """A refusal with everything it points at; a row whose record we do not know belongs to the sender."""
        told = [fault.detail for fault in refusal.faults if fault.detail not in refusal.detail]
        reason = f"{refusal.detail}: {'; '.join(told)}" if told else refusal.detail
        if isinstance(refusal, NotYet):
            return cls(RowState.WAITING, home, reason, "", refusal.payment, refusal.document)
        return cls(RowState.REFUSED, home, reason)


async def attempt(
    context: Context, actor: Actor, row: SentRow, digest: str, earlier: UUID | None
) -> tuple[RowState, str, str]:
    """Effect and record together; or, when there is no effect, the record alone with the reason.

    Conflict when another request dealt with the row meanwhile.
    """
    try:
        async with context.database.write() as session:
            work = context.work(session, actor)
            region, subject = await effect(work, row)
            await _keep(work, row, digest, earlier, _Outcome(RowState.APPLIED, region, subject=subject))
            return RowState.APPLIED, "", subject
    except (Unavailable, Raced):
        raise
    except Refusal as refusal:
        outcome = _Outcome.of(refusal, actor.grants[0].region)
        async with context.database.write() as session:
            await _keep(context.work(session, actor), row, digest, earlier, outcome)
        return outcome.state, outcome.reason, ""


async def _keep(work: Work, row: SentRow, digest: str, earlier: UUID | None, outcome: _Outcome) -> None:
    """The record of the row; Raced when another appeared since we looked, or the one we saw was settled."""
    now = await repository.same(work, row.kind, row.key, digest, lock=True)
    if now is not None and (now.id != earlier or now.state in SETTLED):
        raise Raced("这一行刚刚办理过", "This row was just dealt with")
    if earlier is None:
        content = row.model_dump(mode="json")
        if number := content.get("PAYEE_ACCT_NO"):
            content["PAYEE_ACCT_NO"] = mask_account(number)
        kept = ExchangeRow(id=new_id(), region=outcome.region, created_at=work.at, created_by=work.actor.id,
                           updated_at=work.at, kind=row.kind, external_id=row.key, content_digest=digest,
                           content=content, state=outcome.state)  # fmt: skip
    else:
        kept = await repository.get(work, earlier, lock=True)
        kept.version, kept.tries, kept.updated_at = kept.version + 1, kept.tries + 1, work.at
    kept.state, kept.reason, kept.subject = outcome.state, outcome.reason, outcome.subject
    kept.awaits_payment, kept.awaits_document = outcome.payment, outcome.document
    if outcome.state is RowState.APPLIED:
        kept.settled_at, kept.settled_by = work.at, work.actor.id
    if earlier is not None:
        work.session.add(kept)
    elif not await repository.add(work, kept):
        raise Raced("这一行刚刚办理过", "This row was just dealt with")
    event = ExchangeRowTaken(row_id=kept.id, kind=row.kind, state=outcome.state)
    await work.tell(event, kept, reason=outcome.reason)
