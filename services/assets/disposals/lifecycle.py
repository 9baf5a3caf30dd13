"""Lifecycles of disposals (DISPOSAL) and revitalisation plans (REVIVAL)."""

from dataclasses import dataclass
from datetime import date

from services.assets.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class DisposalState(LabelledEnum):
    """处置状态."""

    REQUESTED = "requested", "已申请"
    APPRAISED = "appraised", "已评估"
    DECIDED = "decided", "已决议"
    APPROVED = "approved", "已批准"
    BOOKED = "booked", "收入已入账"
    CLOSED = "closed", "已办结"
    REJECTED = "rejected", "未批准"


class DisposalAction(LabelledEnum):
    """处置办理事项."""

    APPRAISE = "appraise", "评估"
    DECIDE = "decide", "民主决议"
    APPROVE = "approve", "批准"
    BOOK = "book", "收入入账"
    CLOSE = "close", "办结销账"
    REJECT = "reject", "不批准或撤回"


@dataclass(frozen=True)
class DisposalFacts:
    """Facts that the guards check."""

    document_count: int = 0
    on: date = date.max
    value: int | None = None
    document_no: str = ""
    held_on: date | None = None
    voucher_no: str = ""
    proceeds: int | None = None
    notice_error: FieldError | None = None
    active_contract: str = ""
    pledgee: str = ""
    reason: str = ""


def appraisal_given(facts: DisposalFacts) -> FieldError | None:
    """评估报告及评估价值(没有残值填 0)."""
    if facts.document_count and facts.value is not None:
        return None
    return FieldError("no_appraisal", "须附评估报告并填写评估价值", "The appraisal is needed", "/value")


def decision_recorded(facts: DisposalFacts) -> FieldError | None:
    """所有权人按自己的决策程序作出决议, 附会议记录."""
    if facts.held_on is not None and facts.held_on > facts.on:
        return FieldError("in_the_future", "决议日期不能晚于今天", "It lies in the future", "/held_on")
    if facts.document_count and facts.held_on is not None:
        return None
    return FieldError(
        "no_decision", "须附会议记录并填写决议日期", "The owner's decision is needed", "/held_on"
    )


def approval_number_given(facts: DisposalFacts) -> FieldError | None:
    """批准文号."""
    if facts.document_no.strip():
        return None
    return FieldError("no_document", "须填写批准文号", "The approval's number is needed", "/document_no")


def no_active_contract(facts: DisposalFacts) -> FieldError | None:
    """没有履行中的经营合同."""
    if not facts.active_contract:
        return None
    return FieldError("contract_runs", f"经营合同 {facts.active_contract} 还在履行", "A contract still runs")


def not_pledged(facts: DisposalFacts) -> FieldError | None:
    """没有未解除的抵押."""
    if not facts.pledgee:
        return None
    detail = f"资产抵押给{facts.pledgee}, 解除抵押后才能处置"
    return FieldError("pledged", detail, "The asset is pledged")


def notice_period_over(facts: DisposalFacts) -> FieldError | None:
    """处置公示期满, 没有未处理或成立的异议."""
    return facts.notice_error


def proceeds_given(facts: DisposalFacts) -> FieldError | None:
    """处置收入及收款凭证(没有收入填 0)."""
    if facts.proceeds is None:
        return FieldError("no_proceeds", "须填写处置收入, 没有填 0", "The proceeds are needed", "/proceeds")
    if facts.proceeds and not facts.voucher_no.strip():
        return FieldError("no_voucher", "须填写收款凭证号", "The voucher is needed", "/voucher_no")
    return None


S, A = DisposalState, DisposalAction

# fmt: off
DISPOSAL: Lifecycle[DisposalState, DisposalAction, DisposalFacts] = Lifecycle(
    "disposal", "资产处置", DisposalState, S.REQUESTED, (
    #          action      from                                   to           who                needs
    transition(A.APPRAISE, S.REQUESTED,                           S.APPRAISED, May.ASSET_DISPOSE, appraisal_given),
    transition(A.DECIDE,   S.APPRAISED,                           S.DECIDED,   May.ASSET_DISPOSE, decision_recorded),
    transition(A.APPROVE,  S.DECIDED,                             S.APPROVED,  May.ASSET_APPROVE, approval_number_given,
        no_active_contract, not_pledged, four_eyes=("created_by", "decided_by")),
    transition(A.BOOK,     S.APPROVED,                            S.BOOKED,    May.ASSET_DISPOSE, notice_period_over, proceeds_given,
        no_active_contract, not_pledged),
    transition(A.CLOSE,    S.BOOKED,                              S.CLOSED,    May.ASSET_APPROVE, no_active_contract, not_pledged,
        four_eyes=("created_by", "booked_by")),
    transition(A.REJECT,   (S.REQUESTED, S.APPRAISED, S.DECIDED), S.REJECTED,  May.ASSET_APPROVE, reason_given),
))
# fmt: on


class RevivalState(LabelledEnum):
    """盘活方案状态."""

    PROPOSED = "proposed", "待批准"
    UNDER_WAY = "under_way", "实施中"
    REPORTED = "reported", "待验收"
    DONE = "done", "已见效"
    GIVEN_UP = "given_up", "已放弃"


class RevivalAction(LabelledEnum):
    """盘活办理事项."""

    APPROVE = "approve", "批准"
    REPORT = "report", "报告成效"
    CHECK = "check", "验收"
    REDO = "redo", "继续整改"
    GIVE_UP = "give_up", "放弃"


@dataclass(frozen=True)
class RevivalFacts:
    """Facts that the guards check."""

    evidence_count: int = 0
    in_use: bool = False
    reason: str = ""


def evidence_given(facts: RevivalFacts) -> FieldError | None:
    """附成效照片或文件."""
    return (
        None
        if facts.evidence_count
        else FieldError("no_evidence", "须附照片或文件", "Evidence is needed", "/file_ids")
    )


def asset_in_use(facts: RevivalFacts) -> FieldError | None:
    """资产已恢复在用."""
    return (
        None
        if facts.in_use
        else FieldError("not_in_use", "资产还没有恢复在用", "The asset is not in use again")
    )


RS, RA = RevivalState, RevivalAction

# fmt: off
REVIVAL: Lifecycle[RevivalState, RevivalAction, RevivalFacts] = Lifecycle(
    "revival", "盘活方案", RevivalState, RS.PROPOSED, (
    #          action      from                         to            who                needs
    transition(RA.APPROVE, RS.PROPOSED,                 RS.UNDER_WAY, May.ASSET_APPROVE, four_eyes=("created_by",)),
    transition(RA.REPORT,  RS.UNDER_WAY,                RS.REPORTED,  May.ASSET_OPERATE, evidence_given, asset_in_use),
    transition(RA.CHECK,   RS.REPORTED,                 RS.DONE,      May.ASSET_APPROVE, four_eyes=("reported_by",)),
    transition(RA.REDO,    RS.REPORTED,                 RS.UNDER_WAY, May.ASSET_APPROVE, reason_given),
    transition(RA.GIVE_UP, (RS.PROPOSED, RS.UNDER_WAY), RS.GIVEN_UP,  May.ASSET_APPROVE, reason_given),
))
# fmt: on
