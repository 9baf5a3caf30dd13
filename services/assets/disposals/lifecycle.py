"""The life of a disposal, on one screen."""

from dataclasses import dataclass
from datetime import date

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class DisposalState(Labelled):
    """处置状态."""

    REQUESTED = "requested", "已申请"
    APPRAISED = "appraised", "已评估"
    DECIDED = "decided", "已决议"
    APPROVED = "approved", "已批准"
    BOOKED = "booked", "收入已入账"
    CLOSED = "closed", "已办结"
    REJECTED = "rejected", "未批准"


class DisposalAction(Labelled):
    """处置办理事项."""

    APPRAISE = "appraise", "评估"
    DECIDE = "decide", "民主决议"
    APPROVE = "approve", "批准"
    BOOK = "book", "收入入账"
    CLOSE = "close", "办结销账"
    REJECT = "reject", "不批准或撤回"


@dataclass(frozen=True)
class DisposalFacts:
    """What the guards look at."""

    documents: int = 0
    on: date = date.max
    value: int | None = None
    document_no: str = ""
    held_on: date | None = None
    voucher_no: str = ""
    proceeds: int | None = None
    notice: Fault | None = None
    active_contract: str = ""
    reason: str = ""


def appraised(facts: DisposalFacts) -> Fault | None:
    """评估报告及评估价值(没有残值填 0)."""
    if facts.documents and facts.value is not None:
        return None
    return Fault("no_appraisal", "须附评估报告并填写评估价值", "The appraisal is needed", "/value")


def decided(facts: DisposalFacts) -> Fault | None:
    """所有权人按自己的决策程序作出决议, 附会议记录."""
    if facts.held_on is not None and facts.held_on > facts.on:
        return Fault("in_the_future", "决议日期不能晚于今天", "It lies in the future", "/held_on")
    if facts.documents and facts.held_on is not None:
        return None
    return Fault("no_decision", "须附会议记录并填写决议日期", "The owner's decision is needed", "/held_on")


def papers(facts: DisposalFacts) -> Fault | None:
    """批准文号."""
    if facts.document_no.strip():
        return None
    return Fault("no_document", "须填写批准文号", "The approval's number is needed", "/document_no")


def no_contract(facts: DisposalFacts) -> Fault | None:
    """没有履行中的经营合同."""
    if not facts.active_contract:
        return None
    return Fault("contract_runs", f"经营合同 {facts.active_contract} 还在履行", "A contract still runs")


def notice_over(facts: DisposalFacts) -> Fault | None:
    """处置公示期满, 没有未处理或成立的异议."""
    return facts.notice


def booked(facts: DisposalFacts) -> Fault | None:
    """处置收入及收款凭证(没有收入填 0)."""
    if facts.proceeds is None:
        return Fault("no_proceeds", "须填写处置收入, 没有填 0", "The proceeds are needed", "/proceeds")
    if facts.proceeds and not facts.voucher_no.strip():
        return Fault("no_voucher", "须填写收款凭证号", "The voucher is needed", "/voucher_no")
    return None


def reasoned(facts: DisposalFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = DisposalState, DisposalAction

# fmt: off
DISPOSAL: Lifecycle[DisposalState, DisposalAction, DisposalFacts] = Lifecycle("disposal", "资产处置", DisposalState, S.REQUESTED, (
    #    action      from                                    to           who                needs
    move(A.APPRAISE, S.REQUESTED,                            S.APPRAISED, May.ASSET_DISPOSE, appraised),
    move(A.DECIDE,   S.APPRAISED,                            S.DECIDED,   May.ASSET_DISPOSE, decided),
    move(A.APPROVE,  S.DECIDED,                              S.APPROVED,  May.ASSET_APPROVE, papers, no_contract,
         eyes=("created_by", "decided_by")),
    move(A.BOOK,     S.APPROVED,                             S.BOOKED,    May.ASSET_DISPOSE, notice_over, booked),
    move(A.CLOSE,    S.BOOKED,                               S.CLOSED,    May.ASSET_APPROVE, eyes=("created_by", "booked_by")),
    move(A.REJECT,   (S.REQUESTED, S.APPRAISED, S.DECIDED),  S.REJECTED,  May.ASSET_APPROVE, reasoned),
))
# fmt: on
