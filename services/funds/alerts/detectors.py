"""Detectors over the books: one per rule `alert.<name>`; each returns detections with figures and the rows behind them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from services.funds.alerts import repository
from services.funds.percentages import exceeds_percent, format_percent
from shared.alerts.detection import MAX_ROWS_PER_ALERT, Detection, DetectionContext, Detector
from shared.alerts.lifecycle import AlertSeverity
from shared.china import format_yuan, parse_yuan
from shared.errors import NotFound

AMOUNT_FIELDS = frozenset(
    {"amount", "refunded", "unpaid", "paid", "allocated", "received", "left", "contract_amount"}
)


def format_row(values: Mapping[str, Any]) -> dict[str, str]:
    """A row behind a hit as text: amounts in 元, everything else as it is written."""
    return {
        name: format_yuan(value) if name in AMOUNT_FIELDS else "" if value is None else str(value)
        for name, value in values.items()
    }


async def detect_idle_allocations(look: DetectionContext) -> list[Detection]:
    """Money given to a project on which nothing moved for too long."""
    before = look.on - timedelta(days=look.min_days())
    hits = []
    for row in look.note_truncation(await repository.system_list_idle_allocations(look.work, before)):
        days = (look.on - row.moved_on).days
        hits.append(
            Detection(
                "allocation",
                str(row.id),
                row.region,
                row.project_name,
                f"{format_yuan(row.unpaid)} 元自 {row.moved_on} 起 {days} 天没有动用",
                look.severity_for(days),
                {"未支付": format_yuan(row.unpaid), "已支付": format_yuan(row.paid), "闲置天数": str(days)},
                [format_row(row._asdict())],
            )
        )
    return hits


async def detect_undistributed_sources(look: DetectionContext) -> list[Detection]:
    """A fund document of which something is still not distributed after the days the law gives."""
    limit = look.min_days()
    hits = []
    for row in look.note_truncation(
        await repository.system_list_sources(look.work, received_by=look.on - timedelta(days=limit + 1))
    ):
        days = (look.on - row.received_on).days
        hits.append(
            Detection(
                "source",
                str(row.id),
                row.region,
                f"{row.document_no} {row.title}"[:300],
                f"收文 {days} 天, 尚有 {format_yuan(row.left)} 元没有分解下达(时限 {limit} 天)",
                look.severity_for(days - 1),
                {
                    "到位": format_yuan(row.received),
                    "未下达": format_yuan(row.left),
                    "天数": str(days),
                    "时限": str(limit),
                },
                [format_row(row._asdict())],
            )
        )
    return hits


def find_checkpoint(schedule: list[dict[str, str | int]], on: date) -> tuple[date, int] | None:
    """The last point of a dated schedule ("06-30": 50) that is over on a day, in that day's year."""
    points = [(date.fromisoformat(f"{on.year}-{one['by']}"), int(one["percent"])) for one in schedule]
    over_ = [point for point in points if point[0] < on]
    return max(over_) if over_ else None


async def detect_slow_spending(look: DetectionContext) -> list[Detection]:
    """A fund document whose paid share is below what the schedule wanted by now."""
    point = find_checkpoint(look.rule.value["schedule"], look.on)
    if point is None:
        return []
    by, wanted = point
    hits = []
    for row in look.note_truncation(
        await repository.system_list_sources(look.work, received_by=by, year=look.on.year)
    ):
        if row.received <= 0 or row.paid * 100 >= row.received * wanted:
            continue
        share = format_percent(row.paid, row.received)
        far = row.paid * 100 < row.received * (wanted - int(look.rule.value["red_below"]))
        hits.append(
            Detection(
                "source",
                str(row.id),
                row.region,
                f"{row.document_no} {row.title}"[:300],
                f"支出进度 {share}%, 低于 {by} 应达到的 {wanted}%",
                AlertSeverity.RED if far else AlertSeverity.ORANGE,
                {
                    "到位": format_yuan(row.received),
                    "已支付": format_yuan(row.paid),
                    "支出进度%": share,
                    "应达%": str(wanted),
                },
                [format_row(row._asdict())],
            )
        )
    return hits


async def detect_excess_fees(look: DetectionContext) -> list[Detection]:
    """Management fees above the ceiling of their level and year."""
    hits = []
    for row in look.note_truncation(await repository.system_sum_management_fees(look.work)):
        on = min(look.on, date(row.year, 12, 31))
        ceilings = (await look.work.get_rule("plan.management_fee", on=on, region=row.region)).value[
            "percent"
        ]
        ceiling = ceilings.get(row.level)
        if ceiling is None or not exceeds_percent(row.fee, row.allocated, ceiling):
            continue
        share = format_percent(row.fee, row.allocated)
        subject = f"{row.region}:{row.year}:{row.level}"
        hits.append(
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
    return hits


PLANS_PER_QUERY = 500


async def detect_unannounced_payments(look: DetectionContext) -> list[Detection]:
    """Money of a plan was paid that is not announced, or was before it was."""
    plans = look.note_truncation(await repository.system_list_paid_plans(look.work))
    announced: dict[str, date] = {}
    for at in range(0, len(plans), PLANS_PER_QUERY):
        ids = [row.id for row in plans[at : at + PLANS_PER_QUERY]]
        announced |= await repository.system_get_notice_dates(look.work, ids)
    hits = []
    for row in plans:
        since = announced.get(str(row.id))
        if since is not None and since <= row.first_paid_on:
            continue
        told = "没有资金分配公示" if since is None else f"{since} 才公示"
        hits.append(
            Detection(
                "plan",
                str(row.id),
                row.region,
                row.title,
                f"{told}, 但自 {row.first_paid_on} 起已支付 {row.payments} 笔 {format_yuan(row.paid)} 元",
                AlertSeverity.RED,
                {"已支付": format_yuan(row.paid), "笔数": str(row.payments), "公示": str(since or "无")},
                [format_row(row._asdict())],
            )
        )
    return hits


async def detect_unpublished_targets(look: DetectionContext) -> list[Detection]:
    """A performance target that should be public by now."""
    return [
        Detection(
            "target",
            str(row.id),
            row.region,
            row.project_name,
            f"绩效目标 {row.approved_on} 批复, 应于 {row.due_on} 前公开",
            AlertSeverity.YELLOW,
            {"公开期限": str(row.due_on), "逾期天数": str((look.on - row.due_on).days)},
            [format_row(row._asdict())],
        )
        for row in look.note_truncation(await repository.system_list_unpublished_targets(look.work, look.on))
    ]


PaymentRows = Sequence[sa.Row[Any]]


def _format_rows(rows: Iterable[sa.Row[Any]]) -> list[dict[str, str]]:
    shown = [row._asdict() for row in list(rows)[:MAX_ROWS_PER_ALERT]]
    return [format_row({name: value for name, value in one.items() if name != "screening"}) for one in shown]


def _build_payment_detection(
    row: sa.Row[Any], message: str, light: AlertSeverity, **figures: str
) -> Detection:
    return Detection(
        "payment",
        str(row.id),
        row.region,
        f"{row.payee_name} {format_yuan(row.amount)} 元",
        message,
        light,
        figures,
        _format_rows([row]),
    )


async def detect_payments_ahead_of_works(look: DetectionContext) -> list[Detection]:
    """A project paid further than it is built."""
    margin, advance = int(look.rule.value["margin"]), int(look.rule.value["advance"])
    hits = []
    for row in look.note_truncation(
        await repository.system_list_projects_paid_ahead(look.work, margin, advance)
    ):
        share, done = format_percent(row.paid, row.allocated), row.physical_percent or 0
        far = row.paid * 100 > row.allocated * (done + int(look.rule.value["red_over"]))
        hits.append(
            Detection(
                "project",
                str(row.id),
                row.region,
                row.name,
                f"已支付 {share}%, 形象进度 {done}%",
                AlertSeverity.RED if far else AlertSeverity.ORANGE,
                {
                    "已支付": format_yuan(row.paid),
                    "已下达": format_yuan(row.allocated),
                    "支付%": share,
                    "形象进度%": str(done),
                },
                _format_rows([row]),
            )
        )
    return hits


async def detect_payments_without_evidence(look: DetectionContext) -> list[Detection]:
    """Paid though nobody had reported from the site for long, or ever."""
    days = int(look.rule.value["days"])
    hits = []
    for row in look.note_truncation(
        await repository.system_list_payments_without_evidence(look.work, look.window_start())
    ):
        if row.reported_on is None:
            hits.append(
                _build_payment_detection(
                    row, "支付前没有任何现场进度佐证", AlertSeverity.ORANGE, 最近佐证="无"
                )
            )
        elif (row.paid_on - row.reported_on).days > days:
            gap = (row.paid_on - row.reported_on).days
            message = f"支付时最近一次现场佐证在 {row.reported_on}, 已过 {gap} 天"
            hits.append(
                _build_payment_detection(
                    row, message, AlertSeverity.YELLOW, 最近佐证=str(row.reported_on), 间隔天数=str(gap)
                )
            )
    return hits


def find_split_window(rows: PaymentRows, days: int, threshold: int) -> PaymentRows:
    """The first run of payments within so many days that together reach the threshold; empty when there is none."""
    start, total = 0, 0
    for end, row in enumerate(rows):
        total += row.amount
        while row.applied_on - rows[start].applied_on > timedelta(days=days):
            total -= rows[start].amount
            start += 1
        if total >= threshold and end > start:
            return rows[start : end + 1]
    return ()


async def detect_split_payments(look: DetectionContext) -> list[Detection]:
    """Several small payments of one project to one payee where one large would have needed a contract."""
    threshold, days = parse_yuan(look.rule.value["threshold"]), int(look.rule.value["days"])
    rows = look.note_truncation(
        await repository.system_list_small_payments(look.work, look.window_start(), threshold)
    )
    hits = []
    for (project, payee), group in groupby(rows, key=lambda row: (row.project_id, row.payee_key)):
        found = find_split_window(list(group), days, threshold)
        if found:
            total = sum(row.amount for row in found)
            message = f"{days} 天内 {len(found)} 笔, 合计 {format_yuan(total)} 元, 每笔都低于 {format_yuan(threshold)} 元且没有合同"
            figures = {"笔数": str(len(found)), "合计": format_yuan(total), "起点": format_yuan(threshold)}
            hits.append(
                Detection("project", str(project), found[0].region, found[0].payee_name, message, AlertSeverity.ORANGE,
                    figures, _format_rows(found), dedup_key=payee)
            )  # fmt: skip
    return hits


async def detect_same_day_payments(look: DetectionContext) -> list[Detection]:
    """One payee, one day, several payments."""
    rows = look.note_truncation(
        await repository.system_list_same_day_payments(look.work, look.window_start())
    )
    hits = []
    for (payee, day), group in groupby(rows, key=lambda row: (row.payee_key, row.paid_on)):
        found = list(group)
        total = sum(row.amount for row in found)
        equal = len({row.amount for row in found}) < len(found)
        message = f"{day} 向同一收款人支付 {len(found)} 笔, 合计 {format_yuan(total)} 元" + (
            ", 有同额支付" if equal else ""
        )
        figures = {"笔数": str(len(found)), "合计": format_yuan(total)}
        light = AlertSeverity.ORANGE if equal else AlertSeverity.YELLOW
        hits.append(
            Detection("payee", str(payee)[:64], found[0].region, found[0].payee_name, message, light, figures,
                _format_rows(found), dedup_key=str(day))
        )  # fmt: skip
    return hits


async def detect_wrong_payees(look: DetectionContext) -> list[Detection]:
    """Paid to somebody other than the contract's party."""
    return [
        _build_payment_detection(
            row,
            f"收款人 {row.payee_name} 不是合同 {row.number} 的乙方 {row.party}",
            AlertSeverity.RED,
            收款人=row.payee_name,
            合同乙方=row.party,
        )
        for row in look.note_truncation(
            await repository.system_list_wrong_payees(look.work, look.window_start())
        )
    ]


async def detect_forbidden_purposes(look: DetectionContext) -> list[Detection]:
    """A purpose that the rule of the payment's own day forbids."""
    words: set[str] = set()
    for on in (look.on, look.window_start()):
        words |= set(await _get_forbidden_words(look, on))
    hits = []
    for row in look.note_truncation(
        await repository.system_list_payments_by_purpose(look.work, look.window_start(), sorted(words))
    ):
        on = row.paid_on or row.applied_on
        then = await _get_forbidden_words(look, on)
        found = [word for word in then if word in row.purpose]
        if found and not any(word in row.purpose for word in then[found[0]]):
            message = f"用途“{row.purpose}”含有禁止内容: {'、'.join(found)}"
            hits.append(_build_payment_detection(row, message, AlertSeverity.RED, 命中="、".join(found)))
    return hits


async def detect_blocked_purposes(look: DetectionContext) -> list[Detection]:
    """Submitted for a purpose the library's screening forbids, and no reviewer has let it pass."""
    hits = []
    for row in look.note_truncation(await repository.system_list_blocked_payments(look.work)):
        found = [one["explanation"] for one in row.screening["findings"] if one["severity"] == "block"]
        message = f"用途“{row.purpose}”筛查发现禁止内容, 尚未放行: {'; '.join(found)}"
        hits.append(_build_payment_detection(row, message, AlertSeverity.RED, 用途=row.purpose))
    return hits


async def _get_forbidden_words(look: DetectionContext, on: date) -> dict[str, list[str]]:
    """Forbidden word → the words that excuse it, on a day; none where no rule was in force."""
    try:
        value = (await look.work.get_rule("payment.purpose", on=on)).value
    except NotFound:
        return {}
    return dict.fromkeys(value["words"], value["but"])


async def detect_forbidden_subjects(look: DetectionContext) -> list[Detection]:
    """Booked under a subject this money must not be spent under."""
    prefixes = look.rule.value["prefixes"]
    return [
        _build_payment_detection(
            row, f"使用了禁止科目 {row.economic_subject}", AlertSeverity.RED, 经济科目=row.economic_subject
        )
        for row in look.note_truncation(
            await repository.system_list_payments_by_subject(look.work, look.window_start(), prefixes)
        )
    ]


ALERT_RULE_PREFIX = "alert."
DETECTORS: dict[str, Detector] = {
    "idle": detect_idle_allocations,
    "break_down": detect_undistributed_sources,
    "slow": detect_slow_spending,
    "ahead": detect_payments_ahead_of_works,
    "evidence": detect_payments_without_evidence,
    "split": detect_split_payments,
    "same_day": detect_same_day_payments,
    "payee": detect_wrong_payees,
    "purpose": detect_forbidden_purposes,
    "held": detect_blocked_purposes,
    "subject": detect_forbidden_subjects,
    "fee": detect_excess_fees,
    "unpublished": detect_unannounced_payments,
    "target_late": detect_unpublished_targets,
}
