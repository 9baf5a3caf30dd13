"""What detectors work out of rows: the rows as text, and payments that together reach a threshold."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.funds.alerts.rules import Checkpoint
from services.funds.contracts.models import Contract
from shared.alerts.detection import MAX_ROWS_PER_ALERT, Detection
from shared.alerts.lifecycle import AlertSeverity
from shared.china import format_yuan

PaymentRows = Sequence[sa.Row[Any]]
AMOUNT_FIELDS = frozenset(
    {"amount", "refunded", "unpaid", "paid", "allocated", "received", "left", "contract_amount"}
)


def format_row(values: Mapping[str, Any]) -> dict[str, str]:
    """Format a row behind a detection as text: amounts in 元, other values with str()."""
    return {
        name: format_yuan(value) if name in AMOUNT_FIELDS else "" if value is None else str(value)
        for name, value in values.items()
    }


def format_rows(rows: Iterable[sa.Row[Any]]) -> list[dict[str, str]]:
    """Format the first rows behind a detection, without the screening of their purpose."""
    values = [row._asdict() for row in list(rows)[:MAX_ROWS_PER_ALERT]]
    return [
        format_row({name: value for name, value in row_values.items() if name != "screening"})
        for row_values in values
    ]


def find_split_window(rows: PaymentRows, days: int, threshold: int) -> PaymentRows:
    """First run of payments within `days` days whose total reaches the threshold (分); empty if there is none."""
    start, total = 0, 0
    for end, row in enumerate(rows):
        total += row.amount
        while row.applied_on - rows[start].applied_on > timedelta(days=days):
            total -= rows[start].amount
            start += 1
        if total >= threshold and end > start:
            return rows[start : end + 1]
    return ()


def find_checkpoint(schedule: Sequence[Checkpoint], on: date) -> tuple[date, int] | None:
    """Last point of a yearly schedule ({"by": "06-30", "percent": 50}) that lies before a day: (day, percent)."""
    points = [(date.fromisoformat(f"{on.year}-{entry.by}"), entry.percent) for entry in schedule]
    past_points = [point for point in points if point[0] < on]
    return max(past_points) if past_points else None


def build_payment_detection(
    row: sa.Row[Any], message: str, severity: AlertSeverity, **figures: str
) -> Detection:
    """Build a detection about one payment, with its row behind it."""
    return Detection(
        "payment",
        str(row.id),
        row.region,
        f"{row.payee_name} {format_yuan(row.amount)} 元",
        message,
        severity,
        figures,
        format_rows([row]),
    )


def build_retention_detection(contract: Contract) -> Detection:
    """Build a detection about the retention of a contract that is due and not released."""
    figures = {"质保金": format_yuan(contract.retention), "到期": str(contract.retention_due_on)}
    return Detection(
        "contract",
        str(contract.id),
        contract.region,
        f"{contract.number} {contract.party}"[:300],
        f"{contract.retention_status}, 尚未返还; 请核实工程质量后返还或抵作修复费用",
        None,
        figures,
        [{"label": contract.title, "address": f"/api/v1/funds/contracts/{contract.id}"}],
        project_id=contract.project_id,
    )
