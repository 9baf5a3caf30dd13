"""Register and adjust fund documents; the ledger entry is posted in the same transaction."""

from uuid import UUID

from services.funds.ledger import service as ledger
from services.funds.ledger.accounts import AccountKey, AccountKind, EntryKind, credit, debit
from services.funds.policy import CODES_FUND, FUNCTION_SUBJECTS
from services.funds.sources import repository
from services.funds.sources.models import Source, SourceAdjustment
from services.funds.sources.schemas import (
    AdjustmentCreate,
    SourceAdjustmentKind,
    SourceAdjustmentRead,
    SourceCreate,
    SourceDetail,
    SourceRead,
)
from shared.auth import May
from shared.china import normalize_document_no
from shared.clients.funds import SourceAdjusted, SourceRegistered
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.files import uploads
from shared.records import create_record, save_record
from shared.unit_of_work import UnitOfWork

ADJUSTMENT_ENTRY_KINDS = {
    SourceAdjustmentKind.ADDITION: EntryKind.ADDITION,
    SourceAdjustmentKind.REDUCTION: EntryKind.REDUCTION,
    SourceAdjustmentKind.TAKE_BACK: EntryKind.TAKE_BACK,
}


def build_source_account(source: Source, kind: AccountKind) -> AccountKey:
    """Account of a source at the stages before a project (到位, 可分配, 已审定待下达)."""
    return AccountKey(kind, source.id, source.fiscal_year, source.region)


async def create_source(work: UnitOfWork, body: SourceCreate) -> Source:
    """Register a document and post its amount as received and available.

    Conflict if the document is registered already, Invalid if a date lies in the future or a code is not in force.
    """
    work.actor.require(May.SOURCE_REGISTER, body.region)
    await _validate_source(work, body)
    columns = body.model_dump(exclude={"id", "region", "file_ids"})
    if body.id is None or await work.session.get(Source, body.id) is None:
        if duplicate := await repository.find_duplicate(work, {**columns, "region": body.region}):
            raise Conflict(
                f"{duplicate.document_no} 已登记, 编号 {duplicate.id}",
                f"{duplicate.document_no} is registered already",
            )
    ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, ids, "/file_ids")
    source, is_new = await create_record(
        work,
        Source,
        body,
        event=lambda source: SourceRegistered(
            source_id=source.id,
            document_no=source.document_no,
            fiscal_year=source.fiscal_year,
            level=source.level,
            fund=source.fund,
            amount=source.amount,
        ),
        region=body.region,
        id=body.id,
        file_ids=ids,
        document_key=normalize_document_no(body.document_no),
        **columns,
    )
    if not is_new:
        return source
    await ledger.post_entry(
        work,
        f"receipt:{source.id}",
        EntryKind.RECEIPT,
        [
            debit(build_source_account(source, AccountKind.AVAILABLE), source.amount),
            credit(build_source_account(source, AccountKind.RECEIVED), source.amount),
        ],
        subject=source.id,
        region=source.region,
        happened_on=source.received_on,
        document_no=source.document_no,
    )
    return source


async def _validate_source(work: UnitOfWork, body: SourceCreate) -> None:
    errors = []
    for name in ("document_date", "received_on"):
        if getattr(body, name) > work.today:
            errors.append(FieldError("in_the_future", "日期不能晚于今天", "lies in the future", f"/{name}"))
    if body.received_on < body.document_date:
        errors.append(
            FieldError(
                "before_document", "收文日期早于发文日期", "received before it was issued", "/received_on"
            )
        )
    if body.fiscal_year > body.document_date.year + 1:
        detail = f"{body.document_date.year} 年的文件最多提前下达 {body.document_date.year + 1} 年的资金"
        errors.append(FieldError("wrong_year", detail, "at most the next fiscal year", "/fiscal_year"))
    funds = (await work.get_rule(CODES_FUND, on=body.received_on, region=body.region)).value
    if body.fund not in funds:
        errors.append(
            FieldError(
                "not_in_force",
                f"{body.received_on} 没有资金类型“{body.fund.label}”",
                "not in force then",
                "/fund",
            )
        )
    subjects = (await work.get_rule(FUNCTION_SUBJECTS, on=body.received_on, region=body.region)).value
    if body.function_subject and body.function_subject not in subjects:
        errors.append(
            FieldError(
                "unknown_subject",
                f"功能分类科目 {body.function_subject} 不在当年科目表",
                "unknown subject",
                "/function_subject",
            )
        )
    if errors:
        raise Invalid("指标文填写有误", "The source is not valid", errors=errors)


async def create_adjustment(work: UnitOfWork, source_id: UUID, body: AdjustmentCreate) -> SourceAdjustment:
    """Register 追加, 追减 or 收回 by document and post it; NotEnough if the amount is already distributed."""
    source = await repository.get_source(work, source_id, lock=True)
    work.actor.require(May.SOURCE_REGISTER, source.region)
    if not source.received_on <= body.happened_on <= work.today:
        raise Invalid(
            "调整日期须在收文之后, 且不晚于今天",
            "happened_on is before the document or in the future",
            errors=[FieldError("out_of_range", "日期不在范围内", "out of range", "/happened_on")],
        )
    if body.id and (earlier := await repository.find_adjustment(work, body.id)):
        if (earlier.source_id, earlier.amount, earlier.kind) == (source.id, body.amount, body.kind):
            return earlier
        raise Conflict("这个编号已有内容不同的调整", "This id is taken by another adjustment")
    adjustment = SourceAdjustment(
        id=body.id or new_id(),
        source_id=source.id,
        created_at=work.at,
        created_by=work.actor.id,
        **body.model_dump(exclude={"id"}),
    )
    work.session.add(adjustment)
    await work.session.flush()
    signed = body.amount if body.kind is SourceAdjustmentKind.ADDITION else -body.amount
    await _post_adjustment(work, source, adjustment, signed)
    await save_record(
        work,
        source,
        SourceAdjusted(source_id=source.id, change=signed, document_no=body.document_no),
        reason=body.reason,
    )
    return adjustment


async def _post_adjustment(
    work: UnitOfWork, source: Source, adjustment: SourceAdjustment, signed: int
) -> None:
    available, received = (
        build_source_account(source, AccountKind.AVAILABLE),
        build_source_account(source, AccountKind.RECEIVED),
    )
    await ledger.post_entry(
        work,
        f"adjustment:{adjustment.id}",
        ADJUSTMENT_ENTRY_KINDS[adjustment.kind],
        [debit(available, signed), credit(received, signed)],
        subject=source.id,
        region=source.region,
        happened_on=adjustment.happened_on,
        document_no=adjustment.document_no,
        reason=adjustment.reason,
    )


async def get_source_detail(work: UnitOfWork, source_id: UUID) -> SourceDetail:
    """Get a document with its figures and adjustments."""
    source = await repository.get_source(work, source_id)
    rows = await repository.list_adjustments(work, source.id)
    return SourceDetail(
        **SourceRead.model_validate(source).model_dump(),
        figures=await ledger.get_figures(work, {"source_id": source.id}),
        adjustments=[SourceAdjustmentRead.model_validate(row) for row in rows],
    )
