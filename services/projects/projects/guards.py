"""Preconditions of project transitions (pure functions on ProjectFacts), and the procurement limit check."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import Field

from services.projects.attachments.schemas import DocumentKind
from shared.china import LabelledEnum, format_yuan, parse_yuan
from shared.errors import FieldError
from shared.rules import RuleValue, YuanText


class Procurement(LabelledEnum):
    """发包方式."""

    OPEN_TENDER = "open_tender", "公开招标"
    INVITED_TENDER = "invited_tender", "邀请招标"
    NEGOTIATION = "negotiation", "竞争性谈判(磋商)"
    INQUIRY = "inquiry", "询价"
    SINGLE_SOURCE = "single_source", "单一来源"
    SMALL_WORKS = "small_works", "限额以下小型工程"
    WORK_RELIEF = "work_relief", "以工代赈"
    VILLAGE_BUILD = "village_build", "村民自建(一事一议)"
    NOT_NEEDED = "not_needed", "不涉及采购"


class Purchase(LabelledEnum):
    """采购对象."""

    WORKS = "works", "工程"
    GOODS = "goods", "货物"
    SERVICES = "services", "服务"


COUNTY_DIGITS = 6
FULL_PERCENT = 100


def has_town(region: str) -> bool:
    """Return whether a region is a town or lies in one; a project of the county itself has no town that reviews it."""
    return bool(region[COUNTY_DIGITS:].strip("0"))


class ProcurementLimits(RuleValue):
    """必须公开招标的限额."""

    limits: Annotated[dict[Purchase, YuanText], Field(min_length=3, max_length=3)] = Field(
        title="各采购类别的限额(元)"
    )
    below_only: Annotated[frozenset[Procurement], Field(max_length=20)] = Field(
        title="只能在限额以下采用的方式"
    )
    kinds: Annotated[
        dict[Annotated[str, Field(pattern=r"^[0-9.]{1,12}$")], Purchase], Field(max_length=100)
    ] = Field(title="项目类型的采购类别(其余为工程)")


def classify_purchase(category: str, rule: ProcurementLimits) -> Purchase:
    """Return what a category usually buys: the entry of its nearest ancestor in the rule, else works."""
    parts = category.split(".")
    candidates = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((rule.kinds[code] for code in candidates if code in rule.kinds), Purchase.WORKS)


def check_procurement(
    rule: ProcurementLimits, procurement: Procurement | None, purchase: Purchase, amount: int, reason: str
) -> FieldError | None:
    """Check a procurement method against the open tender limit of the rule; `amount` in 分. Return None when it is permitted."""
    limit = parse_yuan(rule.limits[purchase])
    if procurement is None or amount < limit or procurement == Procurement.OPEN_TENDER:
        return None
    over = f"{purchase.label} {format_yuan(amount)} 元, 达到公开招标限额 {format_yuan(limit)} 元"
    if procurement in rule.below_only:
        detail = f"{over}, 不能采用{procurement.label}"
        return FieldError("tender_needed", detail, "an open tender is needed at this amount", "/procurement")
    if reason.strip():
        return None
    detail = f"{over}, 采用{procurement.label}须写明依据"
    return FieldError("tender_reason", detail, "say why no open tender", "/reason")


@dataclass(frozen=True)
class ProjectFacts:
    """Input of the guards: the record, its documents and notices, and the fields of the transition request. Amounts in 分."""

    region: str = ""
    form: tuple[FieldError, ...] = ()
    documents: frozenset[str] = frozenset()
    notices: tuple[FieldError, ...] = ()
    completion_notice: FieldError | None = None
    statements: tuple[FieldError, ...] = ()
    readiness: tuple[FieldError, ...] = ()
    findings: tuple[FieldError, ...] = ()
    change_open: bool = False
    committed: int = 0
    allocated: int = 0
    paid: int = 0
    physical_percent: int | None = None
    settled: int = 0
    built_value: int = 0
    registered: int | None = None
    unpaid: int | None = None
    evaluated: bool = False
    took_part: bool = False
    """Whether the caller started the project or reported its progress."""
    reason: str = ""
    opinion: str = ""
    decision_no: str = ""
    decision_on: date | None = None
    procurement: Procurement | None = None
    tender: FieldError | None = None
    on: date | None = None


def _require_document(facts: ProjectFacts, kind: DocumentKind) -> FieldError | None:
    if kind in facts.documents:
        return None
    return FieldError(
        f"no_{kind}", f"缺少附件: {kind.label}", f"The {kind} document is missing", "/documents"
    )


def _join_faults(faults: tuple[FieldError, ...]) -> FieldError | None:
    """Join several errors into one, because a guard returns at most one."""
    if not faults:
        return None
    if len(faults) == 1:
        return faults[0]
    return FieldError(
        faults[0].code,
        "；".join(fault.detail for fault in faults),
        "; ".join(fault.detail_en or fault.detail for fault in faults),
        faults[0].pointer,
    )


def form_complete(facts: ProjectFacts) -> FieldError | None:
    """申报表填写完整(项目字段、绩效目标、联农带农机制)."""
    return _join_faults(facts.form)


def minutes_attached(facts: ProjectFacts) -> FieldError | None:
    """附村民(代表)会议记录."""
    return _require_document(facts, DocumentKind.MINUTES)


def belongs_to_town(facts: ProjectFacts) -> FieldError | None:
    """项目在某个乡镇(或其村)内."""
    if has_town(facts.region):
        return None
    return FieldError(
        "no_town", "县级项目没有所属乡镇, 请办理“报送论证”(submit)", "No town reviews it; submit it"
    )


def belongs_to_county(facts: ProjectFacts) -> FieldError | None:
    """项目直属县级, 没有乡镇审核它; 镇、村公示与县级公示同时进行."""
    if not has_town(facts.region):
        return None
    return FieldError(
        "has_town", "项目有所属乡镇, 请上报乡镇审核(forward)", "Its town reviews it; forward it"
    )


def notice_period_over(facts: ProjectFacts) -> FieldError | None:
    """本环节公示期满且没有未处理异议."""
    return _join_faults(facts.notices)


def statements_confirmed(facts: ProjectFacts) -> FieldError | None:
    """逐项表明审核(论证)内容."""
    return _join_faults(facts.statements)


def opinion_given(facts: ProjectFacts) -> FieldError | None:
    """写明论证意见."""
    if facts.opinion.strip():
        return None
    return FieldError("no_opinion", "须写明论证意见", "An opinion is needed", "/opinion")


def readiness_checked(facts: ProjectFacts) -> FieldError | None:
    """用地、设计、概算、环评已核对填明."""
    return _join_faults(facts.readiness)


def decision_documented(facts: ProjectFacts) -> FieldError | None:
    """审定文件文号与日期."""
    if not facts.decision_no.strip() or facts.decision_on is None:
        return FieldError(
            "no_decision",
            "缺少审定文件文号或日期",
            "The decision's number and date are missing",
            "/decision_no",
        )
    if facts.on is not None and facts.decision_on > facts.on:
        return FieldError("in_the_future", "审定日期晚于办理日期", "decided after this move", "/decision_on")
    return None


def screening_passed(facts: ProjectFacts) -> FieldError | None:
    """筛查无问题, 或逐条放行(确认), 入库时重新筛查."""
    return _join_faults(facts.findings)


def no_change_open(facts: ProjectFacts) -> FieldError | None:
    """没有未办结的变更申请."""
    if not facts.change_open:
        return None
    return FieldError("change_open", "有未办结的变更申请", "A change request is open")


def has_allocation(facts: ProjectFacts) -> FieldError | None:
    """已下达资金."""
    return (
        None if facts.allocated > 0 else FieldError("no_money", "尚未下达资金", "No money was allocated yet")
    )


def has_implementation_plan(facts: ProjectFacts) -> FieldError | None:
    """附实施方案."""
    return _require_document(facts, DocumentKind.IMPLEMENTATION_PLAN)


def procurement_documented(facts: ProjectFacts) -> FieldError | None:
    """写明发包方式并附招标采购资料或合同(村民自建和不涉及采购的除外)."""
    if facts.procurement is None:
        return FieldError(
            "no_procurement", "须写明发包方式", "The way of procurement is needed", "/procurement"
        )
    if facts.procurement in {Procurement.VILLAGE_BUILD, Procurement.NOT_NEEDED}:
        return None
    if DocumentKind.CONTRACT in facts.documents:
        return None
    return _require_document(facts, DocumentKind.PROCUREMENT)


def tender_rules_met(facts: ProjectFacts) -> FieldError | None:
    """达到招标限额的公开招标; 邀请招标或不招标的说明依据."""
    return facts.tender


def construction_complete(facts: ProjectFacts) -> FieldError | None:
    """形象进度 100%."""
    if facts.physical_percent == FULL_PERCENT:
        return None
    percent = 0 if facts.physical_percent is None else facts.physical_percent
    return FieldError("not_built", f"形象进度为 {percent}%, 须达到 100%", f"Physical progress is {percent} %")


def has_acceptance_report(facts: ProjectFacts) -> FieldError | None:
    """附验收报告."""
    return _require_document(facts, DocumentKind.ACCEPTANCE)


def completion_notice_over(facts: ProjectFacts) -> FieldError | None:
    """竣工公示期满且没有未处理异议."""
    return facts.completion_notice


def not_own_works(facts: ProjectFacts) -> FieldError | None:
    """验收人没有办理过本项目的开工、没有上报过进度."""
    if not facts.took_part:
        return None
    detail = "不能验收本人办理开工或上报过进度的项目, 须由另一人办理"
    return FieldError(
        "own_works", detail, "Who started the project or reported its progress cannot accept it"
    )


def settlement_covers_assets(facts: ProjectFacts) -> FieldError | None:
    """写明审定结算金额, 且不小于其中单列价值的资产之和."""
    if facts.settled <= 0:
        return FieldError("no_settlement", "须写明审定结算金额", "The settled amount is needed", "/settled")
    if facts.built_value > facts.settled:
        detail = (
            f"形成资产合计 {format_yuan(facts.built_value)} 元, 超过结算金额 {format_yuan(facts.settled)} 元"
        )
        return FieldError(
            "built_above_settled", detail, "What was built is worth more than settled", "/built"
        )
    return None


def assets_registered(facts: ProjectFacts) -> FieldError | None:
    """登记资产原值不低于结算金额, 或说明理由(向资产服务核实)."""
    if facts.registered is None or facts.registered >= facts.settled or facts.reason.strip():
        return None
    detail = f"已登记资产 {format_yuan(facts.registered)} 元, 少于结算金额 {format_yuan(facts.settled)} 元; 请先登记资产或说明理由"
    return FieldError("not_registered", detail, "Registered value is below the settled amount", "/reason")


def funds_settled(facts: ProjectFacts) -> FieldError | None:
    """资金全部支付或结余已收回(向资金服务核实)."""
    if not facts.unpaid:
        return None
    detail = f"尚有 {format_yuan(facts.unpaid)} 元未支付也未收回"
    return FieldError("unpaid", detail, f"{format_yuan(facts.unpaid)} is neither paid nor returned")


def has_self_evaluation(facts: ProjectFacts) -> FieldError | None:
    """已完成绩效自评."""
    return (
        None if facts.evaluated else FieldError("not_evaluated", "尚未完成绩效自评", "Not self-evaluated yet")
    )


def reason_given(facts: ProjectFacts) -> FieldError | None:
    """写明理由."""
    return (
        None
        if facts.reason.strip()
        else FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")
    )


def document_number_given(facts: ProjectFacts) -> FieldError | None:
    """写明依据文件文号."""
    if facts.decision_no.strip():
        return None
    return FieldError("no_document", "须写明依据文件文号", "The document's number is needed", "/decision_no")


def no_open_commitments(facts: ProjectFacts) -> FieldError | None:
    """没有已登记或已下达而未支付的资金."""
    open_amount = facts.committed + facts.allocated - facts.paid
    if open_amount <= 0:
        return None
    detail = f"尚有 {format_yuan(open_amount)} 元资金安排在本项目上, 请先由财政收回"
    return FieldError(
        "money_committed", detail, f"{format_yuan(open_amount)} is still committed to this project"
    )
