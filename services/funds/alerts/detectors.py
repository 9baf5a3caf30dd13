"""Detectors over the books: one per rule `alert.<name>`; each returns detections with figures and the rows behind them."""

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from services.funds.alerts import repository
from services.funds.alerts.calculation import (
    build_payment_detection,
    build_retention_detection,
    find_checkpoint,
    find_split_window,
    format_row,
    format_rows,
)
from services.funds.alerts.rules import (
    AheadRule,
    EvidenceRule,
    ForbiddenSubjectsRule,
    SlowSpendingRule,
    SplitRule,
)
from services.funds.contracts import repository as contracts
from services.funds.payments.calculation import describe_pay_day
from services.funds.percentages import exceeds_percent, format_percent
from services.funds.policy import PAYMENT_PURPOSE, PLAN_MANAGEMENT_FEE, TARGET_MONITORING
from shared.alerts.detection import (
    MAX_ROWS_PER_SCAN,
    AlertRule,
    DaysAlertRule,
    Detection,
    DetectionContext,
    Detector,
    SteppedAlertRule,
    WindowAlertRule,
    build_notice_detections,
    look_at_everything,
    touched_by,
)
from shared.alerts.lifecycle import AlertSeverity
from shared.china import format_yuan, is_workday, list_days, parse_yuan
from shared.clients import funds as events
from shared.errors import NotFound
from shared.notices import repository as notices
from shared.notices.service import NoticePosted
from shared.rules import ancestor_codes


async def detect_idle_allocations(context: DetectionContext[SteppedAlertRule]) -> list[Detection]:
    """Allocations with an unpaid balance and no posting for the days of the rule (资金闲置)."""
    before = context.on - timedelta(days=context.rule.value.get_min_days())
    detections = []
    for row in context.note_truncation(
        await repository.system_list_idle_allocations(context.work, before, context.subjects)
    ):
        days = (context.on - row.moved_on).days
        detections.append(
            Detection(
                "allocation",
                str(row.id),
                row.region,
                row.project_name,
                f"{format_yuan(row.unpaid)} 元自 {row.moved_on} 起 {days} 天没有动用",
                context.rule.value.get_severity(days),
                {"未支付": format_yuan(row.unpaid), "已支付": format_yuan(row.paid), "闲置天数": str(days)},
                [format_row(row._asdict())],
            )
        )
    return detections


async def detect_undistributed_sources(context: DetectionContext[SteppedAlertRule]) -> list[Detection]:
    """Fund documents with money not distributed within the days of the rule."""
    limit = context.rule.value.get_min_days()
    detections = []
    for row in context.note_truncation(
        await repository.system_list_sources(
            context.work, context.subjects, received_by=context.on - timedelta(days=limit + 1)
        )
    ):
        days = (context.on - row.received_on).days
        detections.append(
            Detection(
                "source",
                str(row.id),
                row.region,
                f"{row.document_no} {row.title}"[:300],
                f"收文 {days} 天, 尚有 {format_yuan(row.left)} 元没有分解下达(时限 {limit} 天)",
                context.rule.value.get_severity(days - 1),
                {
                    "到位": format_yuan(row.received),
                    "未下达": format_yuan(row.left),
                    "天数": str(days),
                    "时限": str(limit),
                },
                [format_row(row._asdict())],
            )
        )
    return detections


async def detect_slow_spending(context: DetectionContext[SlowSpendingRule]) -> list[Detection]:
    """Fund documents whose paid share is below the schedule of the rule."""
    point = find_checkpoint(context.rule.value.schedule, context.on)
    if point is None:
        return []
    due_on, required = point
    detections = []
    for row in context.note_truncation(
        await repository.system_list_sources(
            context.work, context.subjects, received_by=due_on, year=context.on.year
        )
    ):
        if row.received <= 0 or row.paid * 100 >= row.received * required:
            continue
        share = format_percent(row.paid, row.received)
        is_far_below = row.paid * 100 < row.received * (required - context.rule.value.red_below)
        detections.append(
            Detection(
                "source",
                str(row.id),
                row.region,
                f"{row.document_no} {row.title}"[:300],
                f"支出进度 {share}%, 低于 {due_on} 应达到的 {required}%",
                AlertSeverity.RED if is_far_below else AlertSeverity.ORANGE,
                {
                    "到位": format_yuan(row.received),
                    "已支付": format_yuan(row.paid),
                    "支出进度%": share,
                    "应达%": str(required),
                },
                [format_row(row._asdict())],
            )
        )
    return detections


async def detect_excess_fees(context: DetectionContext[AlertRule]) -> list[Detection]:
    """Management fees above the ceiling of their level and year (rule plan.management_fee)."""
    detections = []
    for row in context.note_truncation(await repository.system_sum_management_fees(context.work)):
        rule_day = min(context.on, date(row.year, 12, 31))
        fee_rule = await context.work.get_rule(PLAN_MANAGEMENT_FEE, on=rule_day, region=row.region)
        ceiling = fee_rule.value.percent.get(row.level)
        if ceiling is None or not exceeds_percent(row.fee, row.allocated, ceiling):
            continue
        share = format_percent(row.fee, row.allocated)
        subject = f"{row.region}:{row.year}:{row.level}"
        detections.append(
            Detection(
                "year",
                subject,
                row.region,
                f"{row.year}年{row.level.label}资金项目管理费",
                f"项目管理费 {format_yuan(row.fee)} 元, 占 {share}%, 超过上限 {ceiling}%",
                AlertSeverity.ORANGE,
                {
                    "项目管理费": format_yuan(row.fee),
                    "已下达": format_yuan(row.allocated),
                    "占比%": share,
                    "上限%": str(ceiling),
                },
                [format_row({"year": row.year, "level": row.level, "allocated": row.allocated})],
            )
        )
    return detections


PLANS_PER_QUERY = 500


async def detect_unannounced_payments(context: DetectionContext[AlertRule]) -> list[Detection]:
    """Plans whose money was paid without an allocation notice, or before it."""
    plans = context.note_truncation(await repository.system_list_paid_plans(context.work, context.subjects))
    announced: dict[str, date] = {}
    for offset in range(0, len(plans), PLANS_PER_QUERY):
        ids = [row.id for row in plans[offset : offset + PLANS_PER_QUERY]]
        announced |= await repository.system_get_notice_dates(context.work, ids)
    detections = []
    for row in plans:
        notice_since = announced.get(str(row.id))
        if notice_since is not None and notice_since <= row.first_paid_on:
            continue
        notice_text = "没有资金分配公示" if notice_since is None else f"{notice_since} 才公示"
        detections.append(
            Detection(
                "plan",
                str(row.id),
                row.region,
                row.title,
                f"{notice_text}, 但自 {row.first_paid_on} 起已支付 {row.payments} 笔 {format_yuan(row.paid)} 元",
                AlertSeverity.RED,
                {
                    "已支付": format_yuan(row.paid),
                    "笔数": str(row.payments),
                    "公示": str(notice_since or "无"),
                },
                [format_row(row._asdict())],
            )
        )
    return detections


async def detect_unpublished_targets(context: DetectionContext[AlertRule]) -> list[Detection]:
    """Approved performance targets that are past their publication date."""
    return [
        Detection(
            "target",
            str(row.id),
            row.region,
            row.project_name,
            f"绩效目标 {row.approved_on} 批复, 应于 {row.due_on} 前公开",
            AlertSeverity.YELLOW,
            {"公开期限": str(row.due_on), "逾期天数": str((context.on - row.due_on).days)},
            [format_row(row._asdict())],
        )
        for row in context.note_truncation(
            await repository.system_list_unpublished_targets(context.work, context.on, context.subjects)
        )
    ]


async def detect_unmonitored_targets(context: DetectionContext[AlertRule]) -> list[Detection]:
    """Performance targets of this year without monitoring after the deadline of rule target.monitoring."""
    work, on = context.work, context.on
    deadlines = {
        region: (await work.get_rule(TARGET_MONITORING, on=on, region=region)).value.get_date(on.year)
        for region in await work.context.rules.list_regions(work.session, TARGET_MONITORING, work.at)
    }
    detections = []
    for deadline in {deadline for deadline in deadlines.values() if deadline < on}:
        for row in context.note_truncation(
            await repository.system_list_unmonitored_targets(work, deadline, context.subjects)
        ):
            if next(deadlines[one] for one in ancestor_codes(row.region) if one in deadlines) != deadline:
                continue
            message = f"应于 {deadline} 前开展绩效运行监控, 尚无 {deadline.month} 月以来的监控记录"
            figures = {"监控期限": str(deadline), "逾期天数": str((on - deadline).days)}
            detections.append(
                Detection("target", str(row.id), row.region, row.project_name, message, AlertSeverity.YELLOW,
                    figures, [format_row(row._asdict())])
            )  # fmt: skip
    return detections


async def detect_payments_ahead_of_works(context: DetectionContext[AheadRule]) -> list[Detection]:
    """Projects whose paid share exceeds their physical progress by more than the margin."""
    margin, advance = context.rule.value.margin, context.rule.value.advance
    detections = []
    for row in context.note_truncation(
        await repository.system_list_projects_paid_ahead(context.work, margin, advance, context.subjects)
    ):
        share, progress = format_percent(row.paid, row.allocated), row.physical_percent or 0
        is_far_ahead = row.paid * 100 > row.allocated * (progress + context.rule.value.red_over)
        detections.append(
            Detection(
                "project",
                str(row.id),
                row.region,
                row.name,
                f"已支付 {share}%, 形象进度 {progress}%",
                AlertSeverity.RED if is_far_ahead else AlertSeverity.ORANGE,
                {
                    "已支付": format_yuan(row.paid),
                    "已下达": format_yuan(row.allocated),
                    "支付%": share,
                    "形象进度%": str(progress),
                },
                format_rows([row]),
            )
        )
    return detections


async def detect_payments_without_evidence(context: DetectionContext[EvidenceRule]) -> list[Detection]:
    """Payments without a site report, or whose last site report was older than the days of the rule."""
    days = context.rule.value.days
    detections = []
    for row in context.note_truncation(
        await repository.system_list_payments_without_evidence(
            context.work, context.rule.value.get_window_start(context.on), context.subjects
        )
    ):
        if row.reported_on is None:
            detections.append(
                build_payment_detection(
                    row, "支付前没有任何现场进度佐证", AlertSeverity.ORANGE, 最近佐证="无"
                )
            )
        elif (row.paid_on - row.reported_on).days > days:
            gap = (row.paid_on - row.reported_on).days
            message = f"支付时最近一次现场佐证在 {row.reported_on}, 已过 {gap} 天"
            detections.append(
                build_payment_detection(
                    row, message, AlertSeverity.YELLOW, 最近佐证=str(row.reported_on), 间隔天数=str(gap)
                )
            )
    return detections


async def detect_split_payments(context: DetectionContext[SplitRule]) -> list[Detection]:
    """Several payments of a project to a payee, each below the contract threshold, that together reach it."""
    threshold, days = parse_yuan(context.rule.value.threshold), context.rule.value.days
    rows = context.note_truncation(
        await repository.system_list_small_payments(
            context.work, context.rule.value.get_window_start(context.on), threshold, context.subjects
        )
    )
    detections = []
    for (project, payee), group in groupby(rows, key=lambda row: (row.project_id, row.payee_key)):
        window = find_split_window(list(group), days, threshold)
        if window:
            total = sum(row.amount for row in window)
            message = f"{days} 天内 {len(window)} 笔, 合计 {format_yuan(total)} 元, 每笔都低于 {format_yuan(threshold)} 元且没有合同"
            figures = {"笔数": str(len(window)), "合计": format_yuan(total), "起点": format_yuan(threshold)}
            detections.append(
                Detection("project", str(project), window[0].region, window[0].payee_name, message, AlertSeverity.ORANGE,
                    figures, format_rows(window), dedup_key=payee)
            )  # fmt: skip
    return detections


async def detect_same_day_payments(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Several payments to one payee on one day."""
    rows = context.note_truncation(
        await repository.system_list_same_day_payments(
            context.work, context.rule.value.get_window_start(context.on), context.subjects
        )
    )
    detections = []
    for (payee, day), group in groupby(rows, key=lambda row: (row.payee_key, row.paid_on)):
        payments = list(group)
        total = sum(row.amount for row in payments)
        equal = len({row.amount for row in payments}) < len(payments)
        message = f"{day} 向同一收款人支付 {len(payments)} 笔, 合计 {format_yuan(total)} 元" + (
            ", 有同额支付" if equal else ""
        )
        figures = {"笔数": str(len(payments)), "合计": format_yuan(total)}
        severity = AlertSeverity.ORANGE if equal else AlertSeverity.YELLOW
        detections.append(
            Detection("payee", str(payee)[:64], payments[0].region, payments[0].payee_name, message, severity, figures,
                format_rows(payments), dedup_key=str(day))
        )  # fmt: skip
    return detections


async def detect_unusual_pay_days(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Payments on a day off, or before the fiscal year of their money."""
    since = context.rule.value.get_window_start(context.on)
    days_off = [day for day in list_days(since, context.on) if not is_workday(day)]
    rows = await repository.system_list_payments_on_days(context.work, since, days_off, context.subjects)
    return [
        build_payment_detection(
            row, describe_pay_day(row.paid_on, row.year), AlertSeverity.YELLOW, 支付日期=str(row.paid_on)
        )
        for row in context.note_truncation(rows)
    ]


async def detect_wrong_payees(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Payments to a payee other than the party of their contract."""
    return [
        build_payment_detection(
            row,
            f"收款人 {row.payee_name} 不是合同 {row.number} 的乙方 {row.party}",
            AlertSeverity.RED,
            收款人=row.payee_name,
            合同乙方=row.party,
        )
        for row in context.note_truncation(
            await repository.system_list_wrong_payees(
                context.work, context.rule.value.get_window_start(context.on), context.subjects
            )
        )
    ]


async def detect_forbidden_purposes(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Payments whose purpose contains a word forbidden on their own day (rule payment.purpose)."""
    words: set[str] = set()
    regions = await context.work.context.rules.list_regions(
        context.work.session, PAYMENT_PURPOSE, context.work.at
    )
    for on in (context.on, context.rule.value.get_window_start(context.on)):
        for region in regions:
            words |= set(await _get_forbidden_words(context, on, region))
    detections = []
    for row in context.note_truncation(
        await repository.system_list_payments_by_purpose(
            context.work, context.rule.value.get_window_start(context.on), sorted(words), context.subjects
        )
    ):
        on = row.paid_on or row.applied_on
        words_then = await _get_forbidden_words(context, on, row.region)
        forbidden = [word for word in words_then if word in row.purpose]
        if forbidden and not any(word in row.purpose for word in words_then[forbidden[0]]):
            message = f"用途“{row.purpose}”含有禁止内容: {'、'.join(forbidden)}"
            detections.append(
                build_payment_detection(row, message, AlertSeverity.RED, 命中="、".join(forbidden))
            )
    return detections


async def detect_blocked_purposes(context: DetectionContext[AlertRule]) -> list[Detection]:
    """Payments whose purpose the screening blocks and no reviewer has cleared."""
    detections = []
    for row in context.note_truncation(
        await repository.system_list_blocked_payments(context.work, context.subjects)
    ):
        explanations = [
            finding["explanation"] for finding in row.screening["findings"] if finding["severity"] == "block"
        ]
        message = f"用途“{row.purpose}”筛查发现禁止内容, 尚未放行: {'; '.join(explanations)}"
        detections.append(build_payment_detection(row, message, AlertSeverity.RED, 用途=row.purpose))
    return detections


async def _get_forbidden_words(
    context: DetectionContext[WindowAlertRule], on: date, region: str
) -> dict[str, tuple[str, ...]]:
    """Forbidden word → words that excuse it, on a day in a region; empty if no rule was in force."""
    try:
        value = (await context.work.get_rule(PAYMENT_PURPOSE, on=on, region=region)).value
    except NotFound:
        return {}
    return dict.fromkeys(value.words, value.but)


async def detect_forbidden_subjects(context: DetectionContext[ForbiddenSubjectsRule]) -> list[Detection]:
    """Payments booked under an economic subject that the rule forbids."""
    prefixes = list(context.rule.value.prefixes)
    return [
        build_payment_detection(
            row, f"使用了禁止科目 {row.economic_subject}", AlertSeverity.RED, 经济科目=row.economic_subject
        )
        for row in context.note_truncation(
            await repository.system_list_payments_by_subject(
                context.work, context.rule.value.get_window_start(context.on), prefixes, context.subjects
            )
        )
    ]


async def detect_retentions_due(context: DetectionContext[DaysAlertRule]) -> list[Detection]:
    """Retention money whose defects liability period is over and that is not released."""
    rows = await contracts.system_list_due_retentions(context)
    return [build_retention_detection(row) for row in context.note_truncation(rows)]


async def detect_notices_entered_afterwards(context: DetectionContext[WindowAlertRule]) -> list[Detection]:
    """Detect public notices that were entered after their first day."""
    since = context.rule.value.get_window_start(context.on)
    rows = await notices.system_list_entered_afterwards(
        context.work, since, MAX_ROWS_PER_SCAN, context.subjects
    )
    return build_notice_detections(context, rows, "/api/v1/funds")


# fmt: off
PAYMENT_TOPICS = (events.PaymentDrafted.topic, events.PaymentMoved.topic, events.PaymentPaid.topic,
                  events.PaymentRefunded.topic, events.PaymentCleared.topic)
DISTRIBUTION_TOPICS = (events.SourceRegistered.topic, events.SourceAdjusted.topic, events.PlanMoved.topic,
                       events.AllocationIssued.topic, events.AllocationRecalled.topic)
MONEY_TOPICS = (events.AllocationIssued.topic, events.AllocationRecalled.topic, events.PaymentPaid.topic, events.PaymentRefunded.topic)
TARGET_TOPICS = (events.TargetMoved.topic,)
DETECTORS: tuple[Detector[Any], ...] = (
    Detector("alert.idle",        SteppedAlertRule,      detect_idle_allocations, MONEY_TOPICS, repository.system_find_allocations),
    Detector("alert.break_down",  SteppedAlertRule,      detect_undistributed_sources, DISTRIBUTION_TOPICS, repository.system_find_sources),
    Detector("alert.slow",        SlowSpendingRule,      detect_slow_spending, (*MONEY_TOPICS, *DISTRIBUTION_TOPICS),
             repository.system_find_sources),
    Detector("alert.ahead",       AheadRule,             detect_payments_ahead_of_works, MONEY_TOPICS, touched_by("project_id")),
    Detector("alert.evidence",    EvidenceRule,          detect_payments_without_evidence, PAYMENT_TOPICS, touched_by("payment_id")),
    Detector("alert.split",       SplitRule,             detect_split_payments, PAYMENT_TOPICS, touched_by("project_id")),
    Detector("alert.same_day",    WindowAlertRule,       detect_same_day_payments, PAYMENT_TOPICS, repository.system_find_payees),
    Detector("alert.pay_day",     WindowAlertRule,       detect_unusual_pay_days, PAYMENT_TOPICS, touched_by("payment_id")),
    Detector("alert.payee",       WindowAlertRule,       detect_wrong_payees, PAYMENT_TOPICS, touched_by("payment_id")),
    Detector("alert.purpose",     WindowAlertRule,       detect_forbidden_purposes, PAYMENT_TOPICS, touched_by("payment_id")),
    Detector("alert.held",        AlertRule,             detect_blocked_purposes, PAYMENT_TOPICS, touched_by("payment_id")),
    Detector("alert.subject",     ForbiddenSubjectsRule, detect_forbidden_subjects, PAYMENT_TOPICS, touched_by("payment_id")),
    Detector("alert.fee",         AlertRule,             detect_excess_fees, DISTRIBUTION_TOPICS, look_at_everything),
    Detector("alert.unpublished", AlertRule,             detect_unannounced_payments, MONEY_TOPICS, repository.system_find_plans),
    Detector("alert.target_late", AlertRule,             detect_unpublished_targets, TARGET_TOPICS, touched_by("target_id")),
    Detector("alert.target_unmonitored", AlertRule,      detect_unmonitored_targets, TARGET_TOPICS, touched_by("target_id")),
    Detector("alert.retention_due", DaysAlertRule,       detect_retentions_due,
             (events.RetentionFellDue.topic, events.RetentionReleased.topic), touched_by("contract_id")),
    Detector("alert.notice_afterwards", WindowAlertRule, detect_notices_entered_afterwards, (NoticePosted.topic,), touched_by("notice_id")),
)
# fmt: on
