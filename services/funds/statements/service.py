"""Upload, match, explain and close statements; closing needs another person than the uploader."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.funds.policy import RECONCILE_TOLERANCE, STATEMENT_HEADS
from services.funds.statements import repository
from services.funds.statements.calculation import MatchItem, MatchPair, Tolerance, pair_lines
from services.funds.statements.models import Statement, StatementLine
from services.funds.statements.schemas import (
    MAX_STATEMENT_LINES,
    OPEN_RESULTS,
    MatchResult,
    MatchTally,
    Side,
    StatementCreate,
    StatementDetail,
    StatementLineRead,
    StatementLineWrite,
    StatementRead,
    StatementState,
)
from shared.auth import May, normalize_text
from shared.china import parse_yuan
from shared.clients.funds import StatementMoved
from shared.db import new_id
from shared.errors import Conflict, Forbidden, Invalid, PreconditionMissing
from shared.files import uploads
from shared.http import VersionMatch
from shared.records import create_record, save_record
from shared.records.table_imports import load_head_options
from shared.spreadsheets import DAY, TEXT, YUAN, Column, Sheet, SheetLimits, parse_masked_text, read_sheet
from shared.unit_of_work import UnitOfWork

STATEMENT_COLUMNS = (
    Column("voucher_no", "凭证号", TEXT, aliases=("支付凭证号", "单据号", "PAY_CERT_ID"), holds_number=True),
    Column(
        "amount", "金额(元)", YUAN, aliases=("金额", "实际支付金额", "XPAY_AMT"), note="付出为正, 退回为负"
    ),
    Column("debit", "借方发生额(元)", YUAN, aliases=("借方", "支出"), note="没有金额一列时填写"),
    Column("credit", "贷方发生额(元)", YUAN, aliases=("贷方", "收入")),
    Column("balance", "余额(元)", YUAN, aliases=("余额", "账户余额")),
    Column("happened_on", "日期", DAY, aliases=("支付日期", "交易日期", "CREATE_DATE"), required=True),
    Column(
        "payee",
        "收款人",
        TEXT,
        aliases=("收款人名称", "对方户名", "PAYEE_ACCT_NAME"),
        reader=parse_masked_text,
    ),
    Column("purpose", "用途", TEXT, aliases=("摘要", "USE_DES"), reader=parse_masked_text),
)


def read_amounts(sheet: Sheet) -> None:
    """Set the amount of each row from its debit and credit where it has none: paid out is positive."""
    for row in sheet.rows:
        values = row.values
        sides = [values.get("debit"), values.get("credit")]
        if values.get("amount") is None and any(side is not None for side in sides):
            values["amount"] = (sides[0] or 0) - (sides[1] or 0)
        is_told = any(one.pointer.rpartition("/")[2] in {"amount", "debit", "credit"} for one in row.errors)
        if values.get("amount") is None and not is_told:
            row.add_error("amount", "必填")


async def create_statement(work: UnitOfWork, body: StatementCreate) -> Statement:
    """Register a statement and match it at once. Invalid if its file cannot be read or a cell is wrong."""
    work.actor.require(May.RECONCILE, body.region)
    lines = body.lines or await _read_lines(work, body)
    rule = await work.get_rule(RECONCILE_TOLERANCE, on=body.period_to, region=body.region)
    statement, is_new = await create_record(
        work,
        Statement,
        body,
        event=lambda statement: StatementMoved(statement_id=statement.id, what="uploaded"),
        region=body.region,
        id=body.id,
        title=body.title,
        period_from=body.period_from,
        period_to=body.period_to,
        file_id=str(body.file_id or ""),
        state=StatementState.OPEN,
        rule_used=rule.ref,
    )
    if not is_new:
        return statement
    for position, line in enumerate(lines, 1):
        work.session.add(
            StatementLine(
                id=new_id(),
                statement_id=statement.id,
                side=Side.THEIRS,
                position=position,
                match=MatchResult.ALONE,
                **line.model_dump(),
            )
        )
    await work.session.flush()
    await _match_lines(work, statement)
    return statement


async def _read_lines(work: UnitOfWork, body: StatementCreate) -> list[StatementLineWrite]:
    if body.file_id is None:
        return []
    file = await uploads.get_file(work, body.file_id)
    content = b"".join([chunk async for chunk in work.context.storage.stream(file.sha256)])
    options = await load_head_options(work, STATEMENT_HEADS, "statements", body.region)
    sheet = await asyncio.to_thread(
        read_sheet,
        content,
        STATEMENT_COLUMNS,
        limits=SheetLimits(rows=MAX_STATEMENT_LINES),
        words=options.words,
    )
    read_amounts(sheet)
    if sheet.errors:
        raise Invalid("对账单有填写错误", "Some cells are wrong", errors=sheet.to_field_errors())
    if not sheet.rows:
        raise Invalid("对账单没有明细", "The statement has no lines")
    return [build_line_write(row.values) for row in sheet.rows]


def build_line_write(values: dict[str, Any]) -> StatementLineWrite:
    """The line of a row that has been read."""
    return StatementLineWrite.model_construct(
        voucher_no=str(values.get("voucher_no") or "")[:100],
        amount=values["amount"],
        happened_on=values["happened_on"],
        payee=str(values.get("payee") or "")[:200],
        purpose=str(values.get("purpose") or "")[:500],
    )


async def _match_lines(work: UnitOfWork, statement: Statement) -> None:
    """Match the lines without explanation with our records, except those matched by other statements."""
    rule = await work.get_rule(RECONCILE_TOLERANCE, on=statement.period_to, region=statement.region)
    tolerance = Tolerance(
        rule.value.days,
        parse_yuan(rule.value.amount),
        rule.value.fee_words,
        parse_yuan(rule.value.fee_most),
    )
    await repository.delete_our_lines(work, statement.id)
    lines = await repository.list_lines(work, statement.id)
    resolved_ids = {line.record_id for line in lines if line.match is MatchResult.RESOLVED and line.record_id}
    margin = timedelta(days=tolerance.days)
    rows = await repository.list_our_records(
        work, statement.region, statement.period_from - margin, statement.period_to + margin
    )
    matched_elsewhere = await repository.list_matched_elsewhere(work, statement.id, [row.id for row in rows])
    ours = [
        MatchItem(row.id, row.voucher_no, row.amount, row.on, row.payee)
        for row in rows
        if row.id not in matched_elsewhere and row.id not in resolved_ids
    ]
    theirs = [line for line in lines if line.side is Side.THEIRS and line.match is not MatchResult.RESOLVED]
    counted = {
        normalize_text(row.voucher_no) for row in rows if row.id in matched_elsewhere and row.voucher_no
    }
    pairs = pair_lines([_build_item(line) for line in theirs], ours, tolerance, counted)
    position = max((line.position for line in lines if line.side is Side.OURS), default=0)
    _save_pairs(work, statement, {line.id: line for line in theirs}, pairs, position)
    await work.session.flush()


def _build_item(line: StatementLine) -> MatchItem:
    return MatchItem(line.id, line.voucher_no, line.amount, line.happened_on, line.payee, line.purpose)


def _save_pairs(
    work: UnitOfWork,
    statement: Statement,
    theirs: dict[UUID, StatementLine],
    pairs: Sequence[MatchPair],
    position: int,
) -> None:
    for pair in pairs:
        if pair.theirs is not None:
            line = theirs[pair.theirs.id]
            line.match, line.explanation = pair.match, pair.explanation[:1000]
            line.group_no = pair.group
            line.record_id = pair.ours.id if pair.ours else None
            line.our_amount = pair.ours.amount if pair.ours else None
            work.session.add(line)
        elif pair.ours is not None and (
            pair.group is not None or statement.period_from <= pair.ours.on <= statement.period_to
        ):
            position += 1
            work.session.add(
                StatementLine(
                    id=new_id(),
                    statement_id=statement.id,
                    side=Side.OURS,
                    position=position,
                    voucher_no=pair.ours.voucher_no,
                    amount=pair.ours.amount,
                    happened_on=pair.ours.on,
                    payee=pair.ours.payee,
                    match=pair.match,
                    explanation=pair.explanation[:1000],
                    group_no=pair.group,
                    record_id=pair.ours.id,
                    our_amount=pair.ours.amount,
                )
            )


async def rematch_statement(work: UnitOfWork, statement_id: UUID, match: VersionMatch) -> Statement:
    """Match again with the current records; explained lines are kept."""
    statement = await _get_open_statement(work, statement_id, match)
    await _match_lines(work, statement)
    await _save_statement(work, statement, "matched")
    return statement


async def resolve_line(
    work: UnitOfWork, statement_id: UUID, line_id: UUID, reason: str, match: VersionMatch
) -> Statement:
    """Explain a line that does not match. Conflict for a matching line."""
    statement = await _get_open_statement(work, statement_id, match)
    line = await repository.get_line(work, statement.id, line_id)
    if line.match not in OPEN_RESULTS:
        raise Conflict(f"这一行{line.match.label}, 不需要说明", f"The line is {line.match}")
    line.match, line.resolution = MatchResult.RESOLVED, reason
    line.resolved_by, line.resolved_at = work.actor.id, work.at
    work.session.add(line)
    await _save_statement(work, statement, "resolved", reason)
    return statement


async def close_statement(work: UnitOfWork, statement_id: UUID, match: VersionMatch) -> Statement:
    """Close a statement without open lines; Forbidden for its uploader (four eyes)."""
    statement = await _get_open_statement(work, statement_id, match)
    if work.actor.is_same_person(statement.created_by):
        raise Forbidden("不能结清本人上传的对账单", "Four eyes: another person must")
    if open_lines := await repository.count_open_lines(work, statement.id):
        raise PreconditionMissing(f"还有 {open_lines} 笔未达账没有说明", f"{open_lines} lines are open")
    statement.state, statement.closed_by, statement.closed_at = StatementState.CLOSED, work.actor.id, work.at
    await _save_statement(work, statement, "closed")
    return statement


async def _get_open_statement(work: UnitOfWork, statement_id: UUID, match: VersionMatch) -> Statement:
    statement = await repository.get_statement(work, statement_id, lock=True)
    work.actor.require(May.RECONCILE, statement.region)
    match.check_version(statement)
    if statement.state is StatementState.CLOSED:
        raise Conflict("对账单已结清", "The statement is closed")
    return statement


async def _save_statement(work: UnitOfWork, statement: Statement, what: str, reason: str = "") -> None:
    await save_record(work, statement, StatementMoved(statement_id=statement.id, what=what), reason=reason)


async def get_statement_detail(
    work: UnitOfWork, statement_id: UUID, *, exact: bool = False
) -> StatementDetail:
    """Get a statement with its sums and every line that is not an exact match; `exact`: those too."""
    statement = await repository.get_statement(work, statement_id)
    rows = await repository.sum_lines_by_result(work, statement.id)
    lines = await repository.list_lines(work, statement.id, excluded=() if exact else (MatchResult.EXACT,))
    rank = {
        MatchResult.DIFFERS: 0,
        MatchResult.ALONE: 1,
        MatchResult.RESOLVED: 2,
        MatchResult.FEE: 3,
        MatchResult.GROUPED: 4,
        MatchResult.TOLERATED: 5,
        MatchResult.EXACT: 6,
    }
    line_reads = [_build_line_read(work, line) for line in sorted(lines, key=lambda line: rank[line.match])]
    theirs = sum(row.amount for row in rows if row.side is Side.THEIRS)
    ours = sum(row.our_amount for row in rows)
    return StatementDetail.model_construct(
        **StatementRead.model_validate(statement).model_dump(),
        theirs=theirs,
        ours=ours,
        difference=theirs - ours,
        tallies=[MatchTally.model_validate(row) for row in rows],
        lines=line_reads,
    )


def _build_line_read(work: UnitOfWork, line: StatementLine) -> StatementLineRead:
    age = (work.today - line.happened_on).days if line.match in OPEN_RESULTS else 0
    return StatementLineRead.model_validate(line.model_dump() | {"age_days": age}, from_attributes=True)
