"""Queries of contracts, receivables and receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract, Receipt, ReceiptPart, Receivable
from services.assets.deposits.lifecycle import DepositState
from services.assets.deposits.models import Deposit
from services.assets.deposits.schemas import DepositKind
from services.assets.disposals.lifecycle import DisposalState
from services.assets.disposals.models import Disposal
from services.assets.register.models import Asset
from shared.auth import May
from shared.china import normalize_document_no
from shared.db import Rows, SelectsTogether, as_snapshot, execute_core
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

CONTRACTS: sa.Table = OperatingContract.__table__  # type: ignore[attr-defined]
ASSETS: sa.Table = Asset.__table__  # type: ignore[attr-defined]
DISPOSALS: sa.Table = Disposal.__table__  # type: ignore[attr-defined]
RECEIVABLES: sa.Table = Receivable.__table__  # type: ignore[attr-defined]
DEPOSITS: sa.Table = Deposit.__table__  # type: ignore[attr-defined]
RECEIPTS: sa.Table = Receipt.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class ContractRecords:
    """Rows that belong to a contract, within the caller's regions, and what its guards ask of other features; amounts in 分."""

    asset: Any
    receivables: Sequence[Any]
    """In the order of the schedule."""
    deposit_held: int
    """Confirmed receipts of the deposit less what was returned or kept."""
    overlapping_number: str
    """Number of an active contract of the asset whose term overlaps this one's; empty without one."""
    is_disposing: bool
    """Whether a disposal of the asset is under way."""


_OTHER = CONTRACTS.alias("other")
_IS_OWN = CONTRACTS.c.id == sa.bindparam("contract_id", type_=sa.Uuid())
_RECORD_SELECTS: dict[str, sa.SelectBase] = {
    "asset": sa.select(ASSETS).join(CONTRACTS, CONTRACTS.c.asset_id == ASSETS.c.id).where(_IS_OWN),
    "receivables": sa.select(RECEIVABLES)
    .join(CONTRACTS, CONTRACTS.c.id == RECEIVABLES.c.contract_id)
    .where(_IS_OWN)
    .order_by(RECEIVABLES.c.number),
    "deposits": sa.select(DEPOSITS.c.region, DEPOSITS.c.kind, DEPOSITS.c.amount)
    .join(CONTRACTS, CONTRACTS.c.id == DEPOSITS.c.contract_id)
    .where(_IS_OWN, DEPOSITS.c.state == DepositState.CONFIRMED),
    "overlapping": sa.select(_OTHER.c.region, _OTHER.c.number)
    .join(CONTRACTS, sa.and_(CONTRACTS.c.asset_id == _OTHER.c.asset_id, CONTRACTS.c.id != _OTHER.c.id))
    .where(
        _IS_OWN,
        _OTHER.c.state == ContractState.ACTIVE,
        _OTHER.c.starts_on <= CONTRACTS.c.ends_on,
        _OTHER.c.ends_on >= CONTRACTS.c.starts_on,
    ),
    "disposals": sa.select(DISPOSALS.c.region)
    .join(CONTRACTS, CONTRACTS.c.asset_id == DISPOSALS.c.asset_id)
    .where(_IS_OWN, DISPOSALS.c.state.not_in((DisposalState.CLOSED, DisposalState.REJECTED))),
}
_RECORDS = SelectsTogether(**_RECORD_SELECTS)
_CONTRACT_WITH_RECORDS = SelectsTogether(contract=sa.select(CONTRACTS).where(_IS_OWN), **_RECORD_SELECTS)


async def list_records(work: UnitOfWork, contract_id: UUID) -> ContractRecords:
    """The rows that belong to a contract, from one statement. The caller has checked access to the contract."""
    return _build_records(work, await _RECORDS.read(work.session, contract_id=contract_id))


async def get_contract_with_records(
    work: UnitOfWork, contract_id: UUID
) -> tuple[OperatingContract, ContractRecords]:
    """A contract of the caller's regions, to read, and the rows that belong to it, from one statement; NotFound otherwise."""
    found = await _CONTRACT_WITH_RECORDS.read(work.session, contract_id=contract_id)
    row = next(iter(found["contract"]), None)
    if row is None or not work.actor.has_access(May.ASSET_READ, row.region):
        raise NotFound(f"没有这份经营合同: {contract_id}", f"No such record {contract_id}")
    return as_snapshot(OperatingContract, row), _build_records(work, found)


def _build_records(work: UnitOfWork, found: Rows) -> ContractRecords:
    seen = {
        name: [row for row in rows if work.actor.has_access(May.ASSET_READ, row.region)]
        for name, rows in found.items()
    }
    if not seen["asset"]:
        raise NotFound("没有这项资产", "No such asset")
    return ContractRecords(
        asset=seen["asset"][0],
        receivables=seen["receivables"],
        deposit_held=sum(
            row.amount if row.kind is DepositKind.RECEIVED else -row.amount for row in seen["deposits"]
        ),
        overlapping_number=next((row.number for row in seen["overlapping"]), ""),
        is_disposing=bool(seen["disposals"]),
    )


async def find_overlapping_number(work: UnitOfWork, contract: OperatingContract, ends_on: date) -> str:
    """Number of an active contract of the asset that overlaps the term if the contract ended on that day; empty without one."""
    overlapping = select(OperatingContract.number).where(
        OperatingContract.asset_id == contract.asset_id,
        OperatingContract.id != contract.id,
        OperatingContract.state == ContractState.ACTIVE,
        OperatingContract.starts_on <= ends_on,
        OperatingContract.ends_on >= contract.starts_on,
        work.actor.scope_filter(May.ASSET_READ, col(OperatingContract.region)),
    )
    return (await work.session.exec(overlapping.limit(1))).first() or ""


async def list_contract_numbers(work: UnitOfWork, region: str) -> list[tuple[UUID, str]]:
    """(id, number) of the contracts of a village or town that are not cancelled, in the caller's regions."""
    query = select(OperatingContract.id, OperatingContract.number).where(
        OperatingContract.region == region,
        OperatingContract.state != ContractState.CANCELLED,
        work.actor.scope_filter(May.ASSET_READ, col(OperatingContract.region)),
    )
    return [(contract_id, number) for contract_id, number in await work.session.exec(query)]


async def find_receipt_by_voucher(
    work: UnitOfWork, asset_id: UUID, contract_id: UUID | None, voucher_no: str, excluded: UUID | None
) -> Receipt | None:
    """Find a receipt of an asset and contract with this voucher number, however it is written, that was not reversed."""
    reversal = aliased(Receipt)
    query = select(Receipt).where(
        Receipt.asset_id == asset_id,
        col(Receipt.contract_id) == contract_id,
        col(Receipt.reverses).is_(None),
        ~sa.exists().where(col(reversal.reverses) == col(Receipt.id)),
        work.actor.scope_filter(May.ASSET_READ, col(Receipt.region)),
    )
    key = normalize_document_no(voucher_no)
    rows = await work.session.exec(query.order_by(col(Receipt.id)))
    return next(
        (row for row in rows if row.id != excluded and normalize_document_no(row.voucher_no) == key), None
    )


async def list_receivables(work: UnitOfWork, contract_id: UUID, *, lock: bool = False) -> list[Receivable]:
    """Receivables of a contract, in the order of the schedule."""
    query = select(Receivable).where(
        Receivable.contract_id == contract_id, work.actor.scope_filter(May.ASSET_READ, col(Receivable.region))
    )
    query = query.order_by(col(Receivable.number))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def list_receipt_parts(work: UnitOfWork, receipt_id: UUID) -> list[tuple[ReceiptPart, Receivable]]:
    """Receivables that a receipt settled, with the amounts, locked."""
    query = (
        select(ReceiptPart, Receivable)
        .join(Receivable, col(Receivable.id) == col(ReceiptPart.receivable_id))
        .where(
            ReceiptPart.receipt_id == receipt_id,
            work.actor.scope_filter(May.ASSET_READ, col(Receivable.region)),
        )
        .order_by(col(Receivable.number))
        .with_for_update()
    )
    return [(part, due) for part, due in await work.session.exec(query)]


async def is_reversed(work: UnitOfWork, receipt_id: UUID) -> bool:
    """Whether a receipt has been reversed."""
    query = select(Receipt.id).where(
        Receipt.reverses == receipt_id, work.actor.scope_filter(May.ASSET_READ, col(Receipt.region))
    )
    return (await work.session.exec(query)).first() is not None


async def sum_due_by_year(
    work: UnitOfWork, today: date, *, asset_id: UUID | None = None, region: str | None = None
) -> dict[int, tuple[int, int]]:
    """Year → (amount due by `today`, amount settled of it) in 分, without void receivables."""
    year = sa.extract("year", RECEIVABLES.c.due_on)
    query = sa.select(
        sa.cast(year, sa.Integer).label("year"),
        sa.cast(sa.func.sum(RECEIVABLES.c.amount), sa.BigInteger).label("due"),
        sa.cast(sa.func.sum(RECEIVABLES.c.received), sa.BigInteger).label("settled"),
    ).where(
        RECEIVABLES.c.due_on <= today,
        RECEIVABLES.c.void.is_(False),
        work.actor.scope_filter(May.ASSET_READ, RECEIVABLES.c.region),
    )
    query = query.where(*_subject_conditions(work, RECEIVABLES, asset_id, region)).group_by(
        sa.cast(year, sa.Integer)
    )
    return {
        int(row.year): (int(row.due), int(row.settled)) for row in await execute_core(work.session, query)
    }


async def sum_received_by_year(
    work: UnitOfWork, *, asset_id: UUID | None = None, region: str | None = None
) -> dict[int, int]:
    """Year → amount received in 分, net of reversals."""
    year = sa.cast(sa.extract("year", RECEIPTS.c.received_on), sa.Integer)
    query = sa.select(
        year.label("year"), sa.cast(sa.func.sum(RECEIPTS.c.amount), sa.BigInteger).label("amount")
    ).where(
        work.actor.scope_filter(May.ASSET_READ, RECEIPTS.c.region),
        *_subject_conditions(work, RECEIPTS, asset_id, region),
    )
    return {int(row.year): int(row.amount) for row in await execute_core(work.session, query.group_by(year))}


def _subject_conditions(
    work: UnitOfWork, table: sa.Table, asset_id: UUID | None, region: str | None
) -> Sequence[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if asset_id is not None:
        conditions.append(table.c.asset_id == asset_id)
    if region is not None:
        conditions.append(work.within_region(table.c.region, region))
    return conditions


def build_term_over_condition(today: date) -> sa.ColumnElement[bool]:
    """Whether a contract ran out; the twin of the guard `term_has_ended`."""
    return col(OperatingContract.ends_on) < today
