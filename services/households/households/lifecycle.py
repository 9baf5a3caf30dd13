"""Lifecycle of a monitored household: 入户核查, 比对, 评议, 公示, 镇审核, 县审定, 帮扶, and the same chain to remove the risk."""

from dataclasses import dataclass
from datetime import date

from shared.auth import May
from shared.china import LabelledEnum, format_yuan
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class HouseholdState(LabelledEnum):
    """监测状态."""

    VERIFIED = "verified", "已入户核查"
    COMPARED = "compared", "已信息比对"
    APPRAISED = "appraised", "村评议通过"
    REVIEWED = "reviewed", "镇已审核"
    MONITORED = "monitored", "监测帮扶中"
    PROPOSED = "proposed", "拟消除风险"
    REMOVAL_APPRAISED = "removal_appraised", "消除评议通过"
    REMOVAL_REVIEWED = "removal_reviewed", "消除镇已审核"
    REMOVED = "removed", "风险已消除"
    REJECTED = "rejected", "不符合"
    ENDED = "ended", "整户不再监测"


class HouseholdAction(LabelledEnum):
    """监测办理事项."""

    COMPARE = "compare", "信息比对"
    APPRAISE = "appraise", "村评议通过"
    VOTE_DOWN = "vote_down", "村评议不通过"
    REVIEW = "review", "镇审核"
    APPROVE = "approve", "县审定"
    TOWN_SEND_BACK = "town_send_back", "镇退回核查"
    SEND_BACK = "send_back", "县退回核查"
    REJECT = "reject", "不符合"
    PROPOSE = "propose", "拟消除风险"
    APPRAISE_REMOVAL = "appraise_removal", "村评议消除"
    REVIEW_REMOVAL = "review_removal", "镇审核消除"
    REMOVE = "remove", "审定风险消除"
    TOWN_REFUSE_REMOVAL = "town_refuse_removal", "镇退回消除"
    REFUSE_REMOVAL = "refuse_removal", "县退回消除"
    RETURN = "return", "消除回退"
    END = "end", "整户不再监测"


class RemovalWay(LabelledEnum):
    """风险消除方式."""

    HELP = "help", "帮扶消除"
    NATURAL = "natural", "自然消除"


@dataclass(frozen=True)
class HouseholdFacts:
    """Facts that the guards check: what the household holds once the request is taken in. Amounts in 分 a head and year."""

    on: date | None = None
    consents: int = 0
    comparison: str = ""
    clean: bool | None = None
    met_on: date | None = None
    attended: int = 0
    agreed: int = 0
    notice: FieldError | None = None
    faults: tuple[str, ...] = ()
    needs_low_income: bool = False
    per_head: int = 0
    line: int = 0
    safe: bool = False
    income_unstable: bool = False
    no_labour: bool = False
    way: RemovalWay | None = None
    measures_open: int = 0
    measures_done: int = 0
    reason: str = ""


def consent_given(facts: HouseholdFacts) -> FieldError | None:
    """附有农户签字的申请及承诺授权查询书."""
    if facts.consents:
        return None
    return FieldError(
        "no_consent", "须附农户签字的申请及承诺授权查询书", "The consent is needed", "/file_ids"
    )


def comparison_told(facts: HouseholdFacts) -> FieldError | None:
    """写明比对结果; 有疑点的说明为什么仍然符合."""
    if facts.comparison.strip() and (facts.clean or (facts.clean is False and facts.reason.strip())):
        return None
    return FieldError(
        "no_comparison",
        "须写明比对部门和结果; 比对有疑点的须说明理由",
        "The comparison is not told",
        "/comparison",
    )


def _held_meeting(facts: HouseholdFacts) -> bool:
    return (
        facts.met_on is not None and facts.on is not None and facts.met_on <= facts.on and facts.attended > 0
    )


def majority_agreed(facts: HouseholdFacts) -> FieldError | None:
    """民主评议已召开, 同意的超过到会人数的一半."""
    if _held_meeting(facts) and facts.attended < facts.agreed * 2 and facts.agreed <= facts.attended:
        return None
    return FieldError(
        "no_majority", "须写明评议日期(不晚于今天)、到会和同意人数, 同意的须过半", "No majority", "/agreed"
    )


def majority_refused(facts: HouseholdFacts) -> FieldError | None:
    """民主评议已召开, 同意的没有过半, 并写明理由."""
    if _held_meeting(facts) and facts.agreed * 2 <= facts.attended and facts.reason.strip():
        return None
    return FieldError(
        "not_refused", "须写明评议日期、人数和理由, 同意的未过半才是不通过", "Not refused", "/agreed"
    )


def notice_over(facts: HouseholdFacts) -> FieldError | None:
    """公示期满, 没有成立或未答复的异议."""
    return facts.notice


def checks_passed(facts: HouseholdFacts) -> FieldError | None:
    """数据校验全部通过."""
    if not facts.faults:
        return None
    return FieldError("faulty", f"数据校验不通过: {'、'.join(facts.faults)}", "Checks fail", "/faults")


def income_fits_class(facts: HouseholdFacts) -> FieldError | None:
    """人均纯收入低于监测范围, 或写明为什么仍须监测; 突发严重困难户不看收入."""
    if not facts.needs_low_income or facts.per_head < facts.line or facts.reason.strip():
        return None
    return FieldError(
        "income_above",
        f"人均纯收入 {format_yuan(facts.per_head)} 元不低于监测范围 {format_yuan(facts.line)} 元, 须说明理由",
        "The income is not below the line",
        "/reason",
    )


def income_above_line(facts: HouseholdFacts) -> FieldError | None:
    """人均纯收入稳定超过监测范围."""
    if facts.per_head > facts.line and not facts.income_unstable:
        return None
    return FieldError(
        "income_low",
        f"人均纯收入 {format_yuan(facts.per_head)} 元须稳定超过监测范围 {format_yuan(facts.line)} 元",
        "The income is not safely above the line",
        "/income",
    )


def safeguards_met(facts: HouseholdFacts) -> FieldError | None:
    """义务教育、基本医疗、住房和饮水都有保障."""
    if facts.safe:
        return None
    return FieldError(
        "not_safe", "义务教育、基本医疗、住房、饮水须都有保障", "A safeguard is missing", "/safeguards"
    )


def can_work(facts: HouseholdFacts) -> FieldError | None:
    """有劳动能力; 无劳动能力的户持续监测, 暂不标注风险消除."""
    if not facts.no_labour:
        return None
    return FieldError(
        "no_labour",
        "无劳动能力的户持续监测, 暂不标注风险消除",
        "A household without labour stays",
        "/no_labour",
    )


def measures_applied(facts: HouseholdFacts) -> FieldError | None:
    """写明消除方式; 帮扶消除的, 措施已实施, 没有未完成的."""
    if facts.way is RemovalWay.NATURAL or (
        facts.way is RemovalWay.HELP and facts.measures_done and not facts.measures_open
    ):
        return None
    return FieldError(
        "measures_open",
        "须写明消除方式; 帮扶消除的须有已完成的措施, 且没有未完成的",
        "Measures are open or missing",
        "/way",
    )


def reason_given(facts: HouseholdFacts) -> FieldError | None:
    """写明理由."""
    if facts.reason.strip():
        return None
    return FieldError("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = HouseholdState, HouseholdAction
INVESTIGATE, COMPARE = May.HOUSEHOLD_INVESTIGATE, May.HOUSEHOLD_COMPARE
REVIEW, APPROVE = May.HOUSEHOLD_REVIEW, May.HOUSEHOLD_APPROVE
UNDER_WAY = (S.VERIFIED, S.COMPARED, S.APPRAISED, S.REVIEWED)
"""Not decided yet: the deadline of approval runs."""
HELPED = (S.MONITORED, S.PROPOSED, S.REMOVAL_APPRAISED, S.REMOVAL_REVIEWED)
"""Identified and not yet released."""
CURRENT = (*UNDER_WAY, *HELPED, S.REMOVED)
"""A person may stand in one household of these states only."""
REMOVAL_NEEDS = (income_above_line, safeguards_met, can_work, measures_applied, checks_passed)
ENTERED, CHECKED, PROPOSED = ("created_by",), ("compared_by", "reviewed_by"), ("proposed_by",)
"""Columns with the accounts that may not take the next step themselves."""

# fmt: off
HOUSEHOLD: Lifecycle[HouseholdState, HouseholdAction, HouseholdFacts] = Lifecycle(
    "household", "监测户", HouseholdState, S.VERIFIED, (
    # action from to who needs
    transition(A.COMPARE, S.VERIFIED, S.COMPARED, COMPARE, consent_given, comparison_told, four_eyes=ENTERED),
    transition(A.APPRAISE, S.COMPARED, S.APPRAISED, INVESTIGATE, majority_agreed),
    transition(A.VOTE_DOWN, S.COMPARED, S.REJECTED, INVESTIGATE, majority_refused),
    transition(A.REVIEW, S.APPRAISED, S.REVIEWED, REVIEW, notice_over, checks_passed, four_eyes=ENTERED),
    transition(A.APPROVE, S.REVIEWED, S.MONITORED, APPROVE, checks_passed, income_fits_class, four_eyes=(*ENTERED, *CHECKED)),
    transition(A.TOWN_SEND_BACK, (S.COMPARED, S.APPRAISED), S.VERIFIED, REVIEW, reason_given),
    transition(A.SEND_BACK, S.REVIEWED, S.VERIFIED, APPROVE, reason_given),
    transition(A.REJECT, UNDER_WAY, S.REJECTED, APPROVE, reason_given),
    transition(A.PROPOSE, S.MONITORED, S.PROPOSED, INVESTIGATE, *REMOVAL_NEEDS),
    transition(A.APPRAISE_REMOVAL, S.PROPOSED, S.REMOVAL_APPRAISED, INVESTIGATE, majority_agreed),
    transition(A.REVIEW_REMOVAL, S.REMOVAL_APPRAISED, S.REMOVAL_REVIEWED, REVIEW, notice_over, checks_passed, four_eyes=PROPOSED),
    transition(A.REMOVE, S.REMOVAL_REVIEWED, S.REMOVED, APPROVE, *REMOVAL_NEEDS, four_eyes=(*PROPOSED, "reviewed_by")),
    transition(A.TOWN_REFUSE_REMOVAL, (S.PROPOSED, S.REMOVAL_APPRAISED), S.MONITORED, REVIEW, reason_given),
    transition(A.REFUSE_REMOVAL, S.REMOVAL_REVIEWED, S.MONITORED, APPROVE, reason_given),
    transition(A.RETURN, S.REMOVED, S.MONITORED, APPROVE, reason_given),
    transition(A.END, S.MONITORED, S.ENDED, APPROVE, reason_given),
))
# fmt: on
