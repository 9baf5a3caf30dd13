"""Layout of a public notice: what its content looks like as labelled facts and one table, for a page or a print.

The content of a notice is what was published (strings, integers, lists of them). A service declares a `NoticeLayout` for
contents whose keys are not Chinese labels themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field


class NoticeFact(BaseModel):
    """公示内容的一项."""

    label: str
    text: str


class NoticePage(BaseModel):
    """公示的版面: facts first, then one table whose last row is the totals."""

    document_no: str = Field("", description="文号")
    facts: list[NoticeFact] = []
    columns: list[str] = []
    numeric: list[bool] = Field([], description="该列是否为金额或数量")
    rows: list[list[str]] = []
    totals: list[str] = []


@dataclass(frozen=True, slots=True)
class Fact:
    """A key of the content: its label, and a unit behind the value (元 also groups the digits)."""

    label: str
    unit: str = ""
    each: str = ""
    """Format of one entry when the value is a list of objects."""


@dataclass(frozen=True, slots=True)
class LayoutColumn:
    """A column of the table: the key in each line, and whether it is summed in the last row."""

    label: str
    key: str
    numeric: bool = False
    summed: bool = False


@dataclass(frozen=True, slots=True)
class NoticeLayout:
    """Facts by content key, in order; `lines` is the key of the list that becomes the table."""

    facts: Mapping[str, Fact]
    lines: str = ""
    columns: Sequence[LayoutColumn] = ()
    document_no: str = ""
    """Key of the content that holds the document number."""
    compares: Mapping[str, str] = field(default_factory=dict)
    """Labels of the fields that a change request compares in `before` and `after`."""


EMPTY_LAYOUT = NoticeLayout({})


def build_notice_page(content: Mapping[str, Any], layout: NoticeLayout | None) -> NoticePage:
    """Lay out the content of a notice; without a layout its keys are the labels."""
    if layout is None:
        return _build_plain_page(content)
    page = NoticePage(document_no=str(content.get(layout.document_no) or "") if layout.document_no else "")
    for key, fact in layout.facts.items():
        if text := _format_fact(content.get(key), fact):
            page.facts.append(NoticeFact(label=fact.label, text=text))
    if remark := content.get("remark"):
        page.facts.append(NoticeFact(label="说明", text=str(remark)))
    if layout.lines and (lines := content.get(layout.lines)):
        _add_table(page, lines, layout.columns)
    if layout.compares and "before" in content:
        _add_comparison(page, content["before"], content.get("after", {}), layout.compares)
    return page


def _build_plain_page(content: Mapping[str, Any]) -> NoticePage:
    page = NoticePage(columns=[str(label) for label in content.get("columns", ())])
    page.numeric = ["元" in label for label in page.columns]
    page.rows = [[_format_number(str(cell)) if number else str(cell) for cell, number in zip(row, page.numeric, strict=True)]
                 for row in content.get("rows", ())]  # fmt: skip
    for key, value in content.items():
        label = "说明" if key == "remark" else key
        if key not in {"columns", "rows"} and not isinstance(value, (list, dict)) and value not in {None, ""}:
            text = _format_number(str(value)) if "元" in label else str(value)
            page.facts.append(NoticeFact(label=label, text=text))
    return page


def _format_fact(value: Any, fact: Fact) -> str:  # noqa: ANN401 - any JSON
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, list):
        return "; ".join(fact.each.format_map(one) if isinstance(one, dict) else str(one) for one in value)
    text = _format_number(str(value)) if fact.unit.endswith("元") else str(value)
    return f"{text}{fact.unit}"


def _add_table(page: NoticePage, lines: Sequence[Mapping[str, Any]], columns: Sequence[LayoutColumn]) -> None:
    shown = [one for one in columns if any(str(line.get(one.key) or "") for line in lines)]
    page.columns = [one.label for one in shown]
    page.numeric = [one.numeric for one in shown]
    page.rows = [[_format_cell(line.get(one.key), numeric=one.summed) for one in shown] for line in lines]
    page.totals = [
        _format_number(str(sum((Decimal(str(line[one.key])) for line in lines), Decimal(0))))
        if one.summed
        else ""
        for one in shown
    ]


def _add_comparison(
    page: NoticePage, before: Mapping[str, Any], after: Mapping[str, Any], labels: Mapping[str, str]
) -> None:
    page.columns = ["变更事项", "变更前", "变更后"]
    page.numeric = [False, False, False]
    page.rows = [
        [labels.get(key, "其他"), _format_value(value), _format_value(after.get(key))]
        for key, value in before.items()
    ]


def _format_value(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "; ".join(_format_value(one) for one in value)
    if isinstance(value, dict):
        return " ".join(_format_value(one) for one in value.values())
    return "" if value is None else str(value)


def _format_cell(value: Any, *, numeric: bool) -> str:  # noqa: ANN401 - any JSON
    text = "" if value is None else str(value)
    return _format_number(text) if numeric else text


def _format_number(text: str) -> str:
    """Digits in groups of three with two decimals; other text as it is."""
    try:
        return f"{Decimal(text):,.2f}"
    except ArithmeticError:
        return text
