"""Reconciling: a statement is taken in, matched, explained line by line, and closed by another person."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.funds.statements import repository
from services.funds.statements.kinds import OPEN, Match, Side, StatementState
from services.funds.statements.matching import Item, Pair, Tolerance, pair
from services.funds.statements.models import Statement, StatementLine
from services.funds.statements.schemas import (
    MOST,
    LineRead,
    LineWrite,
    StatementCreate,
    StatementDetail,
    StatementRead,
    Tally,
)
from shared import files
from shared.contracts.funds import StatementMoved
from shared.creates import create
from shared.errors import Conflict, Forbidden, Invalid, NotReady
from shared.http import Match as Version
from shared.ids import new_id
from shared.money import fen
from shared.permissions import May
from shared.personal import normal
from shared.sheets import DAY, TEXT, YUAN, Column, Limits, read
from shared.work import Work

COLUMNS = (
    Column("voucher_no", "凭证号", TEXT, aliases=("支付凭证号", "单据号", "PAY_CERT_ID")),
    Column("amount", "金额(元)", YUAN, aliases=("金额", "实际支付金额", "XPAY_AMT"), required=True),
    Column("happened_on", "日期", DAY, aliases=("支付日期", "交易日期", "CREATE_DATE"), required=True),
    Column("payee", "收款人", TEXT, aliases=("收款人名称", "对方户名", "PAYEE_ACCT_NAME")),
    Column("purpose", "用途", TEXT, aliases=("摘要", "USE_DES")),
)


async def upload(work: Work, body: StatementCreate) -> Statement:
    """Take a statement in and match it at once. Invalid when its file cannot be read or a cell is wrong."""
    work.actor.require(May.RECONCILE, body.region)
    written = body.lines or await _from_file(work, body)
    rule = await work.rule("reconcile.tolerance", on=body.period_to, region=body.region)
    statement, fresh = await create(
        work,
        Statement,
        body,
        region=body.region,
        id=body.id,
        title=body.title,
        period_from=body.period_from,
        period_to=body.period_to,
        file_id=str(body.file_id or ""),
        state=StatementState.OPEN,
        rule_used=rule.ref,
    )
    if not fresh:
        return statement
    for position, one in enumerate(written, 1):
        work.session.add(
            StatementLine(
                id=new_id(),
                statement_id=statement.id,
                side=Side.THEIRS,
                position=position,
                match=Match.ALONE,
                **one.model_dump(),
            )
        )
    await work.session.flush()
    await _match(work, statement)
    await work.tell(StatementMoved(statement_id=statement.id, what="uploaded"), statement)
    return statement


async def _from_file(work: Work, body: StatementCreate) -> list[LineWrite]:
    if body.file_id is None:
        return []
    kept = await files.get(work, body.file_id)
    content = b"".join([part async for part in work.context.storage.stream(kept.sha256)])
    sheet = await asyncio.to_thread(read, content, COLUMNS, limits=Limits(rows=MOST))
    if sheet.faults:
        raise Invalid("对账单有填写错误", "Some cells are wrong", faults=sheet.problems())
    if not sheet.rows:
        raise Invalid("对账单没有明细", "The statement has no lines")
    return [_written(row.values) for row in sheet.rows]


def _written(values: dict[str, Any]) -> LineWrite:
    return LineWrite.model_construct(
        voucher_no=str(values.get("voucher_no") or "")[:100],
        amount=values["amount"],
        happened_on=values["happened_on"],
        payee=str(values.get("payee") or "")[:200],
        purpose=str(values.get("purpose") or "")[:500],
    )


async def _match(work: Work, statement: Statement) -> None:
    """Pair what nobody explained yet with our records, those other statements account for left out."""
    rule = await work.rule("reconcile.tolerance", on=statement.period_to, region=statement.region)
    tolerance = Tolerance(int(rule.value["days"]), fen(rule.value["amount"]))
    await repository.forget_ours(work, statement.id)
    lines = await repository.lines(work, statement.id)
    settled = {one.record_id for one in lines if one.match is Match.RESOLVED and one.record_id}
    margin = timedelta(days=tolerance.days)
    rows = await repository.records(
        work, statement.region, statement.period_from - margin, statement.period_to + margin
    )
    elsewhere = await repository.taken(work, statement.id, [row.id for row in rows])
    ours = [
        Item(row.id, row.voucher_no, row.amount, row.on, row.payee)
        for row in rows
        if row.id not in elsewhere and row.id not in settled
    ]
    theirs = [one for one in lines if one.side is Side.THEIRS and one.match is not Match.RESOLVED]
    counted = {normal(row.voucher_no) for row in rows if row.id in elsewhere and row.voucher_no}
    found = pair([_item(one) for one in theirs], ours, tolerance, counted)
    position = max((one.position for one in lines if one.side is Side.OURS), default=0)
    _write(work, statement, {one.id: one for one in theirs}, found, position)
    await work.session.flush()


def _item(one: StatementLine) -> Item:
    return Item(one.id, one.voucher_no, one.amount, one.happened_on, one.payee)


def _write(
    work: Work, statement: Statement, theirs: dict[UUID, StatementLine], found: Sequence[Pair], position: int
) -> None:
    for one in found:
        if one.theirs is not None:
            line = theirs[one.theirs.id]
            line.match, line.explanation = one.match, one.explanation[:1000]
            line.record_id = one.ours.id if one.ours else None
            line.our_amount = one.ours.amount if one.ours else None
            work.session.add(line)
        elif one.ours is not None and statement.period_from <= one.ours.on <= statement.period_to:
            position += 1
            work.session.add(
                StatementLine(
                    id=new_id(),
                    statement_id=statement.id,
                    side=Side.OURS,
                    position=position,
                    voucher_no=one.ours.voucher_no,
                    amount=one.ours.amount,
                    happened_on=one.ours.on,
                    payee=one.ours.payee,
                    match=Match.ALONE,
                    explanation=one.explanation,
                    record_id=one.ours.id,
                    our_amount=one.ours.amount,
                )
            )


async def rematch(work: Work, statement_id: UUID, version: Version) -> Statement:
    """Match again by what is known now; explained lines stay as they are."""
    statement = await _open(work, statement_id, version)
    await _match(work, statement)
    await _touched(work, statement, "matched")
    return statement


async def resolve(work: Work, statement_id: UUID, line_id: UUID, reason: str, version: Version) -> Statement:
    """Explain a line that does not match. Conflict for one that does."""
    statement = await _open(work, statement_id, version)
    line = await repository.line(work, statement.id, line_id)
    if line.match not in OPEN:
        raise Conflict(f"这一行{line.match.label}, 不需要说明", f"The line is {line.match}")
    line.match, line.resolution = Match.RESOLVED, reason
    line.resolved_by, line.resolved_at = work.actor.id, work.at
    work.session.add(line)
    await _touched(work, statement, "resolved", reason)
    return statement


async def close(work: Work, statement_id: UUID, version: Version) -> Statement:
    """Close a statement of which nothing is open, by somebody other than who uploaded it."""
    statement = await _open(work, statement_id, version)
    if statement.created_by == work.actor.id:
        raise Forbidden("不能结清本人上传的对账单", "Four eyes: another person must")
    if left := await repository.unsettled(work, statement.id):
        raise NotReady(f"还有 {left} 笔未达账没有说明", f"{left} lines are open")
    statement.state, statement.closed_by, statement.closed_at = StatementState.CLOSED, work.actor.id, work.at
    await _touched(work, statement, "closed")
    return statement


async def _open(work: Work, statement_id: UUID, version: Version) -> Statement:
    statement = await repository.get(work, statement_id, lock=True)
    work.actor.require(May.RECONCILE, statement.region)
    version.check(statement)
    if statement.state is StatementState.CLOSED:
        raise Conflict("对账单已结清", "The statement is closed")
    return statement


async def _touched(work: Work, statement: Statement, what: str, reason: str = "") -> None:
    statement.version += 1
    statement.updated_at = work.at
    work.session.add(statement)
    await work.tell(StatementMoved(statement_id=statement.id, what=what), statement, reason=reason)


async def detail(work: Work, statement_id: UUID) -> StatementDetail:
    """A statement with its sums and every line that is not simply equal."""
    statement = await repository.get(work, statement_id)
    rows = await repository.tallies(work, statement.id)
    lines = await repository.lines(work, statement.id, but=(Match.EXACT,))
    rank = {Match.DIFFERS: 0, Match.ALONE: 1, Match.RESOLVED: 2, Match.TOLERATED: 3, Match.EXACT: 4}
    shown = [_read(work, one) for one in sorted(lines, key=lambda one: rank[one.match])]
    theirs = sum(row.amount for row in rows if row.side is Side.THEIRS)
    ours = sum(row.our_amount for row in rows)
    return StatementDetail.model_construct(
        **StatementRead.model_validate(statement).model_dump(),
        theirs=theirs,
        ours=ours,
        difference=theirs - ours,
        tallies=[Tally.model_validate(row) for row in rows],
        lines=shown,
    )


def _read(work: Work, one: StatementLine) -> LineRead:
    age = (work.today - one.happened_on).days if one.match in OPEN else 0
    return LineRead.model_validate(one.model_dump() | {"age_days": age}, from_attributes=True)
