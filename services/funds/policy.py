"""Every dated rule of this service (rules/*.json): the shape of its value, with bounds.

The rules of alerts stand beside their detectors (alerts/detectors.py).
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from services.funds.findings import EffectRule
from services.funds.sources.schemas import Fund, FundLevel, Task
from services.funds.targets.schemas import Aspect, TargetOperator, TargetSection
from shared.notices.rules import NOTICE_RULES
from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.records.table_imports import declare_heads
from shared.rules import (
    Code,
    Label,
    Percent,
    PercentText,
    RuleKey,
    RuleValue,
    YuanText,
)

FULL_PERCENT = 100
Word = Annotated[str, Field(min_length=1, max_length=50)]
CategoryCode = Annotated[str, Field(pattern=r"^([0-9]{1,2}(\.[0-9]{1,2}){0,3})?$")]
ExternalCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{0,40}$")]
RegionPrefix = Annotated[str, Field(pattern=r"^[0-9]{12}$")]

CODES_FUND = RuleKey[dict[Fund, str]](
    "codes.fund", Annotated[dict[Fund, Label], Field(title="资金类型及名称", min_length=1, max_length=100)]
)
FUNCTION_SUBJECTS = RuleKey[dict[str, str]](
    "codes.function_subject",
    Annotated[
        dict[Annotated[str, Field(pattern=r"^[0-9]{3,7}$")], Label],
        Field(title="功能分类科目及名称", min_length=1, max_length=500),
    ],
)


class ExchangeCodes(RuleValue):
    """财政系统代码对照: their code → ours; the entry "" is what an unknown code becomes."""

    level: Annotated[dict[ExternalCode, FundLevel], Field(max_length=50)] = Field(title="预算级次代码")
    fund: Annotated[dict[ExternalCode, Fund], Field(max_length=200)] = Field(title="资金类型代码")
    task: Annotated[dict[ExternalCode, Task], Field(max_length=200)] = Field(title="资金任务代码")

    @model_validator(mode="after")
    def _check_defaults(self) -> Self:
        if "" not in self.fund or "" not in self.task:
            raise ValueError('资金类型和资金任务须各有一个空代码 "" 作为默认')
        return self


class ReconcileTolerance(RuleValue):
    """对账容差."""

    days: Annotated[int, Field(ge=0, le=60)] = Field(title="日期相差天数")
    amount: YuanText = Field(title="金额相差(元)")
    fee_words: Annotated[tuple[Word, ...], Field(max_length=50)] = Field(
        ("手续费", "工本费", "汇划费", "账户管理费", "服务费", "电汇费"), title="银行手续费的用途词"
    )
    fee_most: YuanText = Field("200.00", title="一笔银行手续费的上限(元)")


EXCHANGE_CODES = RuleKey[ExchangeCodes]("exchange.codes", ExchangeCodes)
RECONCILE_TOLERANCE = RuleKey[ReconcileTolerance]("reconcile.tolerance", ReconcileTolerance)


class ProjectStates(EffectRule):
    """项目须处于哪些状态."""

    states: Annotated[frozenset[Code], Field(min_length=1, max_length=30)] = Field(title="项目状态")


class PaymentProgress(EffectRule):
    """支付与形象进度."""

    margin: Percent = Field(title="支付占比可超出形象进度(百分点)")
    advance: Percent = Field(title="预付款占已下达的上限(%)")


class Retention(EffectRule):
    """质量保证金."""

    ceiling_percent: PercentText = Field(title="质量保证金上限(%)")


class DefectsLiability(RuleValue):
    """缺陷责任期."""

    months: Annotated[int, Field(ge=0, le=60)] = Field(title="合同没有写明时的月数")
    most_months: Annotated[int, Field(ge=1, le=60)] = Field(title="最长月数")


class PaymentAdvance(EffectRule):
    """预付款."""

    percent: Percent = Field(title="预付款占合同的上限(%)")


class PaymentPurpose(EffectRule):
    """支付用途."""

    words: Annotated[tuple[Word, ...], Field(max_length=500)] = Field(title="禁止的用途词")
    but: Annotated[tuple[Word, ...], Field(max_length=500)] = Field(title="不算命中的词")


class ContractThreshold(EffectRule):
    """须有合同的支付."""

    minimum: YuanText = Field(title="须有合同的起点金额(元)", alias="from")


class MonitoredPayees(EffectRule):
    """只发给监测户的支付."""

    words: Annotated[tuple[Word, ...], Field(max_length=100)] = Field(title="用途中说明只发给监测户的词")


PAYMENT_PROJECT = RuleKey[ProjectStates]("payment.project", ProjectStates)
PAYMENT_PROGRESS = RuleKey[PaymentProgress]("payment.progress", PaymentProgress)
PAYMENT_PAYEE = RuleKey[EffectRule]("payment.payee", EffectRule)
PAYMENT_CONTRACT = RuleKey[EffectRule]("payment.contract", EffectRule)
PAYMENT_CONTRACT_NEEDED = RuleKey[ContractThreshold]("payment.contract_needed", ContractThreshold)
PAYMENT_RETENTION = RuleKey[Retention]("payment.retention", Retention)
CONTRACT_DEFECTS = RuleKey[DefectsLiability]("contract.defects", DefectsLiability)
PAYMENT_ADVANCE = RuleKey[PaymentAdvance]("payment.advance", PaymentAdvance)
PAYMENT_PURPOSE = RuleKey[PaymentPurpose]("payment.purpose", PaymentPurpose)
PAYMENT_SCREENING = RuleKey[EffectRule]("payment.screening", EffectRule)
PAYMENT_SAME_DAY = RuleKey[EffectRule]("payment.same_day", EffectRule)
PAYMENT_PAY_DAY = RuleKey[EffectRule]("payment.pay_day", EffectRule)
PAYMENT_MONITORED = RuleKey[MonitoredPayees]("payment.monitored", MonitoredPayees)


class ManagementFee(EffectRule):
    """项目管理费上限."""

    percent: Annotated[dict[FundLevel, PercentText], Field(max_length=10)] = Field(title="各级次的上限(%)")


class IndustryShare(EffectRule):
    """用于产业的占比."""

    percent: Percent | None = Field(title="下限(%), 空为只报告")
    levels: Annotated[tuple[FundLevel, ...], Field(min_length=1, max_length=10)] = Field(title="计算的级次")


class TaskCategories(EffectRule):
    """资金任务与项目类型."""

    categories: Annotated[
        dict[Task, Annotated[tuple[CategoryCode, ...], Field(min_length=1, max_length=50)]],
        Field(max_length=20),
    ] = Field(title="各任务可用的项目类型代码开头")


class BreakDownDays(EffectRule):
    """分解下达时限."""

    days: Annotated[int, Field(ge=1, le=365)] = Field(title="收到指标后天数")


class KeyVillages(EffectRule):
    """重点帮扶村."""

    villages: Annotated[tuple[RegionPrefix, ...], Field(max_length=2000)] = Field(title="重点帮扶村区划代码")
    percent: Percent | None = Field(None, title="占比下限(%), 空为只报告")


class RegionBalance(EffectRule):
    """乡镇之间平衡."""

    percent: PercentText = Field(title="一个乡镇占比上限(%)")


PLAN_WITHIN_SOURCE = RuleKey[EffectRule]("plan.within_source", EffectRule)
PLAN_ANNOUNCED_TOTAL = RuleKey[EffectRule]("plan.announced_total", EffectRule)
PLAN_LIBRARY = RuleKey[ProjectStates]("plan.library", ProjectStates)
PLAN_READINESS = RuleKey[EffectRule]("plan.readiness", EffectRule)
PLAN_MANAGEMENT_FEE = RuleKey[ManagementFee]("plan.management_fee", ManagementFee)
PLAN_INDUSTRY_SHARE = RuleKey[IndustryShare]("plan.industry_share", IndustryShare)
PLAN_TASK_CATEGORY = RuleKey[TaskCategories]("plan.task_category", TaskCategories)
PLAN_BREAK_DOWN_DAYS = RuleKey[BreakDownDays]("plan.break_down_days", BreakDownDays)
PLAN_KEY_VILLAGES = RuleKey[KeyVillages]("plan.key_villages", KeyVillages)
PLAN_REGION_BALANCE = RuleKey[RegionBalance]("plan.region_balance", RegionBalance)
PLAN_SAME_PROJECT = RuleKey[EffectRule]("plan.same_project", EffectRule)
PLAN_HOTLINE = RuleKey[str](
    "plan.hotline", Annotated[str, Field(title="公示监督电话", pattern=r"^[0-9+\-() 、]{3,40}$")]
)


class TemplateIndicatorValue(RuleValue):
    """绩效指标模板的一条."""

    aspect: Aspect = Field(title="二级指标")
    name: Annotated[str, Field(min_length=1, max_length=100)] = Field(title="三级指标")
    operator: TargetOperator = Field(title="比较")
    unit: Annotated[str, Field(max_length=20)] = Field("", title="单位")
    value: Annotated[str, Field(max_length=50)] = Field("", title="指标值")
    core: bool = Field(False, title="核心指标")


class TargetTemplateValue(RuleValue):
    """绩效指标模板."""

    categories: Annotated[tuple[CategoryCode, ...], Field(min_length=1, max_length=100)] = Field(
        title="适用的项目类型代码开头"
    )
    indicators: Annotated[tuple[TemplateIndicatorValue, ...], Field(min_length=1, max_length=50)] = Field(
        title="指标"
    )


class TargetWeights(RuleValue):
    """单位自评权重, together 100."""

    execution: Percent = Field(title="预算执行率")
    output: Percent = Field(title="产出指标")
    benefit: Percent = Field(title="效益指标")
    satisfaction: Percent = Field(title="满意度指标")

    @model_validator(mode="after")
    def _check_sum(self) -> Self:
        total = self.execution + self.output + self.benefit + self.satisfaction
        if total != FULL_PERCENT:
            message = f"权重合计 {total}, 应为 100"
            raise ValueError(message)
        return self

    @property
    def points(self) -> Mapping[TargetSection, int]:
        """Part of the sheet → its points."""
        return {
            TargetSection.OUTPUT: self.output,
            TargetSection.BENEFIT: self.benefit,
            TargetSection.SATISFACTION: self.satisfaction,
        }


class TargetDeviation(RuleValue):
    """须说明原因的偏差."""

    below: Annotated[int, Field(ge=0, le=100)] = Field(title="完成率低于(%)")
    above: Annotated[int, Field(ge=100, le=1000)] = Field(title="完成率高于(%)")


class PublishDays(RuleValue):
    """绩效目标公开时限."""

    workdays: Annotated[int, Field(ge=1, le=250)] = Field(title="批复后工作日")


class MonitoringDeadline(RuleValue):
    """绩效运行监控时限."""

    month: Annotated[int, Field(ge=1, le=12)] = Field(title="月")
    day: Annotated[int, Field(ge=1, le=31)] = Field(title="日")

    def get_date(self, year: int) -> date:
        """The deadline in a year; the last day of a month that has no such day."""
        return date(year, self.month, min(self.day, monthrange(year, self.month)[1]))


TARGET_TEMPLATE_PREFIX = "target.template."
TARGET_TEMPLATES = tuple(
    RuleKey[TargetTemplateValue](f"{TARGET_TEMPLATE_PREFIX}{name}", TargetTemplateValue)
    for name in ("infrastructure", "industry", "employment", "household", "management", "general")
)
TARGET_WEIGHTS = RuleKey[TargetWeights]("target.weights", TargetWeights)
TARGET_DEVIATION = RuleKey[TargetDeviation]("target.deviation", TargetDeviation)
TARGET_PUBLISH_DAYS = RuleKey[PublishDays]("target.publish_days", PublishDays)
TARGET_MONITORING = RuleKey[MonitoringDeadline]("target.monitoring", MonitoringDeadline)


class CarryOverRule(RuleValue):
    """结转年限."""

    years: Annotated[int, Field(ge=1, le=10)] = Field(title="可结转年数")


class LandRevenueShare(RuleValue):
    """土地出让收益用于农业农村的占比."""

    percent: PercentText = Field(title="占比下限(%)")


CARRY_OVER = RuleKey[CarryOverRule]("year.carry_over", CarryOverRule)
LAND_REVENUE = RuleKey[LandRevenueShare]("year.land_revenue", LandRevenueShare)

STATEMENT_HEADS = declare_heads("statements")
PAYMENT_HEADS = declare_heads("payments")
BENEFICIARY_HEADS = declare_heads("beneficiaries")
SOURCE_HEADS = declare_heads("sources")
PLAN_HEADS = declare_heads("plans")
EARMARK_HEADS = declare_heads("earmarks")

RULES: tuple[RuleKey[Any], ...] = (
    *NOTICE_RULES,
    PERSON_REQUEST_DAYS,
    STATEMENT_HEADS,
    PAYMENT_HEADS,
    BENEFICIARY_HEADS,
    SOURCE_HEADS,
    PLAN_HEADS,
    EARMARK_HEADS,
    CODES_FUND,
    FUNCTION_SUBJECTS,
    EXCHANGE_CODES,
    RECONCILE_TOLERANCE,
    PAYMENT_PROJECT,
    PAYMENT_PROGRESS,
    PAYMENT_PAYEE,
    PAYMENT_CONTRACT,
    PAYMENT_CONTRACT_NEEDED,
    PAYMENT_RETENTION,
    CONTRACT_DEFECTS,
    PAYMENT_ADVANCE,
    PAYMENT_PURPOSE,
    PAYMENT_SCREENING,
    PAYMENT_SAME_DAY,
    PAYMENT_MONITORED,
    PAYMENT_PAY_DAY,
    PLAN_WITHIN_SOURCE,
    PLAN_ANNOUNCED_TOTAL,
    PLAN_LIBRARY,
    PLAN_READINESS,
    PLAN_MANAGEMENT_FEE,
    PLAN_INDUSTRY_SHARE,
    PLAN_TASK_CATEGORY,
    PLAN_BREAK_DOWN_DAYS,
    PLAN_KEY_VILLAGES,
    PLAN_REGION_BALANCE,
    PLAN_SAME_PROJECT,
    PLAN_HOTLINE,
    *TARGET_TEMPLATES,
    TARGET_WEIGHTS,
    TARGET_DEVIATION,
    TARGET_PUBLISH_DAYS,
    TARGET_MONITORING,
    CARRY_OVER,
    LAND_REVENUE,
)
"""The registry of the rules above."""
