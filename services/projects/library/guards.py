"""What each move needs: named conditions over the facts of a project."""

from dataclasses import dataclass
from datetime import date

from services.projects.library.kinds import Document, Procurement
from services.projects.library.states import has_town
from shared.errors import Fault
from shared.money import yuan

DONE = 100


@dataclass(frozen=True)
class ProjectFacts:
    """What the guards look at: the record, what is attached and published, and what the person moving it says."""

    region: str = ""
    form: tuple[Fault, ...] = ()
    documents: frozenset[str] = frozenset()
    notices: tuple[Fault, ...] = ()
    completion_notice: Fault | None = None
    statements: tuple[Fault, ...] = ()
    readiness: tuple[Fault, ...] = ()
    findings: tuple[Fault, ...] = ()
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
    reason: str = ""
    opinion: str = ""
    decision_no: str = ""
    decision_on: date | None = None
    procurement: Procurement | None = None
    tender: Fault | None = None
    on: date | None = None


def _lacks(facts: ProjectFacts, kind: Document) -> Fault | None:
    if kind in facts.documents:
        return None
    return Fault(f"no_{kind}", f"缺少附件: {kind.label}", f"The {kind} document is missing", "/documents")


def _all(faults: tuple[Fault, ...]) -> Fault | None:
    if not faults:
        return None
    if len(faults) == 1:
        return faults[0]
    return Fault(
        faults[0].code,
        "；".join(fault.detail for fault in faults),
        "; ".join(fault.detail_en or fault.detail for fault in faults),
        faults[0].pointer,
    )


def complete_form(facts: ProjectFacts) -> Fault | None:
    """申报表填写完整(项目字段、绩效目标、联农带农机制)."""
    return _all(facts.form)


def minutes_attached(facts: ProjectFacts) -> Fault | None:
    """附村民(代表)会议记录."""
    return _lacks(facts, Document.MINUTES)


def of_a_town(facts: ProjectFacts) -> Fault | None:
    """项目在某个乡镇(或其村)内."""
    if has_town(facts.region):
        return None
    return Fault("no_town", "县级项目没有所属乡镇, 请办理“报送论证”(submit)", "No town reviews it; submit it")


def without_a_town(facts: ProjectFacts) -> Fault | None:
    """项目直属县级, 没有乡镇审核它; 镇、村公示与县级公示同时进行."""
    if not has_town(facts.region):
        return None
    return Fault("has_town", "项目有所属乡镇, 请上报乡镇审核(forward)", "Its town reviews it; forward it")


def notices_over(facts: ProjectFacts) -> Fault | None:
    """本环节公示期满且没有未处理异议."""
    return _all(facts.notices)


def stated(facts: ProjectFacts) -> Fault | None:
    """逐项表明审核(论证)内容."""
    return _all(facts.statements)


def opinion_given(facts: ProjectFacts) -> Fault | None:
    """写明论证意见."""
    if facts.opinion.strip():
        return None
    return Fault("no_opinion", "须写明论证意见", "An opinion is needed", "/opinion")


def readiness_checked(facts: ProjectFacts) -> Fault | None:
    """用地、设计、概算、环评已核对填明."""
    return _all(facts.readiness)


def decided(facts: ProjectFacts) -> Fault | None:
    """审定文件文号与日期."""
    if not facts.decision_no.strip() or facts.decision_on is None:
        return Fault(
            "no_decision",
            "缺少审定文件文号或日期",
            "The decision's number and date are missing",
            "/decision_no",
        )
    if facts.on is not None and facts.decision_on > facts.on:
        return Fault("in_the_future", "审定日期晚于办理日期", "decided after this move", "/decision_on")
    return None


def screening_clean(facts: ProjectFacts) -> Fault | None:
    """筛查无问题, 或逐条放行(确认), 入库时重新筛查."""
    return _all(facts.findings)


def no_change_open(facts: ProjectFacts) -> Fault | None:
    """没有未办结的变更申请."""
    if not facts.change_open:
        return None
    return Fault("change_open", "有未办结的变更申请", "A change request is open")


def funded(facts: ProjectFacts) -> Fault | None:
    """已下达资金."""
    return None if facts.allocated > 0 else Fault("no_money", "尚未下达资金", "No money was allocated yet")


def implementation_planned(facts: ProjectFacts) -> Fault | None:
    """附实施方案."""
    return _lacks(facts, Document.IMPLEMENTATION_PLAN)


def procured(facts: ProjectFacts) -> Fault | None:
    """写明发包方式并附招标采购资料或合同(村民自建和不涉及采购的除外)."""
    if facts.procurement is None:
        return Fault("no_procurement", "须写明发包方式", "The way of procurement is needed", "/procurement")
    if facts.procurement in {Procurement.VILLAGE_BUILD, Procurement.NOT_NEEDED}:
        return None
    if Document.CONTRACT in facts.documents:
        return None
    return _lacks(facts, Document.PROCUREMENT)


def tendered(facts: ProjectFacts) -> Fault | None:
    """达到招标限额的公开招标; 邀请招标或不招标的说明依据."""
    return facts.tender


def built_in_full(facts: ProjectFacts) -> Fault | None:
    """形象进度 100%."""
    if facts.physical_percent == DONE:
        return None
    now = 0 if facts.physical_percent is None else facts.physical_percent
    return Fault("not_built", f"形象进度为 {now}%, 须达到 100%", f"Physical progress is {now} %")


def acceptance_reported(facts: ProjectFacts) -> Fault | None:
    """附验收报告."""
    return _lacks(facts, Document.ACCEPTANCE)


def completion_noticed(facts: ProjectFacts) -> Fault | None:
    """竣工公示期满且没有未处理异议."""
    return facts.completion_notice


def settled_amount(facts: ProjectFacts) -> Fault | None:
    """写明审定结算金额, 且不小于其中单列价值的资产之和."""
    if facts.settled <= 0:
        return Fault("no_settlement", "须写明审定结算金额", "The settled amount is needed", "/settled")
    if facts.built_value > facts.settled:
        detail = f"形成资产合计 {yuan(facts.built_value)} 元, 超过结算金额 {yuan(facts.settled)} 元"
        return Fault("built_above_settled", detail, "What was built is worth more than settled", "/built")
    return None


def assets_cover(facts: ProjectFacts) -> Fault | None:
    """登记资产原值不低于结算金额, 或说明理由(向资产服务核实)."""
    if facts.registered is None or facts.registered >= facts.settled or facts.reason.strip():
        return None
    detail = f"已登记资产 {yuan(facts.registered)} 元, 少于结算金额 {yuan(facts.settled)} 元; 请先登记资产或说明理由"
    return Fault("not_registered", detail, "Registered value is below the settled amount", "/reason")


def money_finished(facts: ProjectFacts) -> Fault | None:
    """资金全部支付或结余已收回(向资金服务核实)."""
    if not facts.unpaid:
        return None
    detail = f"尚有 {yuan(facts.unpaid)} 元未支付也未收回"
    return Fault("unpaid", detail, f"{yuan(facts.unpaid)} is neither paid nor returned")


def self_evaluated(facts: ProjectFacts) -> Fault | None:
    """已完成绩效自评."""
    return None if facts.evaluated else Fault("not_evaluated", "尚未完成绩效自评", "Not self-evaluated yet")


def reasoned(facts: ProjectFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


def documented(facts: ProjectFacts) -> Fault | None:
    """写明依据文件文号."""
    if facts.decision_no.strip():
        return None
    return Fault("no_document", "须写明依据文件文号", "The document's number is needed", "/decision_no")


def money_released(facts: ProjectFacts) -> Fault | None:
    """没有已登记或已下达而未支付的资金."""
    open_ = facts.committed + facts.allocated - facts.paid
    if open_ <= 0:
        return None
    detail = f"尚有 {yuan(open_)} 元资金安排在本项目上, 请先由财政收回"
    return Fault("money_committed", detail, f"{yuan(open_)} is still committed to this project")
