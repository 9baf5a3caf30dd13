"""Reports that open to their entries: positions, trial balance, journal."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import col

from services.funds.ledger import repository, service
from services.funds.ledger.models import LedgerEntry
from services.funds.ledger.schemas import EntryRead, LineOfEntry, Position, Positions, Trial, TrialRow
from services.funds.proof import repository as proof
from shared.pages import Asked, Page, page
from shared.work import Work

ORDERS = {"happened_on": col(LedgerEntry.happened_on)}


async def positions(work: Work, by: str, filters: Mapping[str, Any], as_of: date | None) -> Positions:
    """Figures per source, project, payee or year, and in all."""
    column = {"source": "source_id", "project": "project_id"}.get(by, by)
    rows = await service.positions(work, (column,), filters, as_of)
    return Positions.model_construct(
        as_of=as_of,
        rows=[Position.model_construct(figures=figures, **group) for group, figures in rows],
        total=await service.position(work, filters, as_of),
    )


async def trial(work: Work, filters: Mapping[str, Any], as_of: date | None) -> Trial:
    """The trial balance, with everything that would be wrong named."""
    rows = [
        TrialRow.model_construct(
            kind=row.kind,
            label=row.kind.label,
            debits=row.debits,
            credits=row.credits,
            balance=(row.debits - row.credits) * row.kind.sign,
        )
        for row in await repository.trial(work, filters, as_of)
    ]
    broken = [row.id for row in await proof.broken(work)]
    lopsided = await proof.lopsided(work)
    unbalanced = await proof.unbalanced(work)
    debits, credited = sum(row.debits for row in rows), sum(row.credits for row in rows)
    return Trial.model_construct(
        as_of=as_of,
        rows=rows,
        debits=debits,
        credits=credited,
        balanced=not (broken or lopsided or unbalanced),
        broken_accounts=broken,
        lopsided_entries=lopsided,
        unbalanced_sources=unbalanced,
    )


async def journal(
    work: Work, asked: Asked, filters: Mapping[str, Any], as_of: date | None
) -> Page[EntryRead]:
    """The entries behind a figure, newest first, with their lines."""
    query = repository.entries(work, filters, as_of)
    found = await page(
        work.session, query, asked, orders=ORDERS, key=col(LedgerEntry.id), default="-happened_on"
    )
    lines: dict[UUID, list[LineOfEntry]] = {entry.id: [] for entry in found.items}
    for row in await repository.lines_of(work, list(lines)):
        lines[row.entry_id].append(LineOfEntry.model_validate(row))
    items = [
        EntryRead.model_validate(entry).model_copy(update={"lines": lines[entry.id]}) for entry in found.items
    ]
    return Page[EntryRead].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)
