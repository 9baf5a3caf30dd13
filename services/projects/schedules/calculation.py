"""Deviation of works and payments from the planned progress."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from services.projects.projects.models import Project
from services.projects.schedules.schemas import SchedulePoint, SchedulePointWrite, ScheduleRead
from shared.china import format_yuan, month_bounds
from shared.errors import FieldError

FULL_PERCENT = 100


def find_due_day(points: Sequence[Mapping[str, Any]], name: str, reached: int) -> date | None:
    """The end of the first month that asks for more than was reached; None when all is reached."""
    return next((month_bounds(point["month"])[1] for point in points if point[name] > reached), None)


def set_due_days(project: Project) -> None:
    """Set the days by which the schedule asks for more than is built or paid; after any of the three changed."""
    points = project.schedule or ()
    project.schedule_due_on = find_due_day(points, "physical_percent", project.physical_percent or 0)
    project.payment_due_on = find_due_day(points, "payment", project.paid)


def find_faults(points: Sequence[SchedulePointWrite], total: int) -> Iterator[FieldError]:
    """Errors of a planned progress: months that do not rise, figures that fall, an end before 100 %, more than the total."""
    for index, point in enumerate(points):
        pointer = f"/points/{index}"
        before = points[index - 1] if index else None
        if before and point.month <= before.month:
            yield FieldError("order", "月份须逐月递增", "months must rise", f"{pointer}/month")
        for name, label in (("physical_percent", "形象进度"), ("payment", "支付")):
            if before and getattr(point, name) < getattr(before, name):
                yield FieldError(
                    "falls", f"累计{label}不能低于上月", "a cumulative figure falls", f"{pointer}/{name}"
                )
        if point.payment > total:
            detail = f"累计支付超过总投资 {format_yuan(total)} 元"
            yield FieldError("above_total", detail, "more than the total", f"{pointer}/payment")
    if points and points[-1].physical_percent != FULL_PERCENT:
        pointer = f"/points/{len(points) - 1}/physical_percent"
        yield FieldError("not_finished", "最后一个月须达到100%", "the last month must reach 100 %", pointer)


def compute_deviation(project: Project, on: date) -> ScheduleRead:
    """Compare a project with its planned progress on a day."""
    points = [
        SchedulePoint.model_construct(due_on=month_bounds(point["month"])[1], **point)
        for point in project.schedule or ()
    ]
    over = [point for point in points if point.due_on < on]
    percent, payment = (over[-1].physical_percent, over[-1].payment) if over else (0, 0)
    built, whole = project.physical_percent or 0, points[-1].payment if points else 0
    return ScheduleRead.model_construct(
        points=points,
        on=on,
        planned_percent=percent,
        physical_percent=built,
        deviation=built - percent if points else 0,
        behind_days=_count_days(project.schedule_due_on, on),
        planned_payment=payment,
        paid=project.paid,
        payment_deviation=int((project.paid - payment) * FULL_PERCENT / whole) if whole else 0,
        payment_behind_days=_count_days(project.payment_due_on, on),
    )


def _count_days(due_on: date | None, on: date) -> int:
    return max((on - due_on).days, 0) if due_on else 0
