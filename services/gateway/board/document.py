"""Rendering of the board's pages (Jinja2, escaped everywhere)."""

from datetime import date
from pathlib import Path
from typing import Any

import jinja2

FOLDER = Path(__file__).parent
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(name: str, **values: Any) -> str:  # noqa: ANN401 - what the template shows
    """One page as HTML."""
    return _environment.get_template(f"{name}.html").render(**values)


def format_day(day: date | str) -> str:
    """A day as people write it: 2023年6月9日."""
    value = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{value.year}年{value.month}月{value.day}日"


def format_period(starts_on: str, ends_on: str) -> str:
    """A period, the year once when it is the same."""
    first, last = date.fromisoformat(starts_on), date.fromisoformat(ends_on)
    tail = f"{last.month}月{last.day}日"
    return f"{format_day(first)}至{tail if first.year == last.year else format_day(last)}"


def describe_standing(notice: dict[str, Any], today: date) -> tuple[str, str]:
    """(mark, words) of a notice today: how many days are left, or that it is over."""
    ends_on = date.fromisoformat(notice["ends_on"])
    starts_on = date.fromisoformat(notice["starts_on"])
    if notice["standing"] == "objected":
        return "warn", "有异议正在核实"
    if notice["standing"] == "upheld":
        return "bad", "异议成立，公示无效"
    if today < starts_on:
        return "todo", f"{format_day(starts_on)}开始公示"
    if today > ends_on:
        return "todo", "已结束，长期公开"
    left = (ends_on - today).days
    return "run", f"公示中，还有{left}天" if left else "公示中，今天到期"


_environment.filters["day"] = format_day
