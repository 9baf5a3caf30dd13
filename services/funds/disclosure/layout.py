"""From what an announcement says to how it stands on paper: which columns a table has, in the usual order."""

from collections.abc import Mapping
from typing import Any

from services.funds.disclosure.kinds import Subject
from services.funds.disclosure.schemas import Page

# fmt: off
TABLES: Mapping[Subject, tuple[tuple[str, str, float], ...]] = {
    Subject.ALLOCATION: (
        ("序号", "position", 4), ("项目名称", "name", 18), ("实施地点", "place", 10), ("建设内容", "content", 18),
        ("资金(万元)", "amount_wan", 8), ("资金名称", "fund", 13), ("项目类型", "project_type", 9),
        ("责任单位", "unit", 11), ("绩效目标", "target", 14),
    ),
    Subject.TARGET: (
        ("序号", "position", 4), ("项目名称", "name", 24), ("资金(万元)", "amount_wan", 9),
        ("责任单位", "unit", 18), ("绩效目标", "target", 45),
    ),
    Subject.COMPLETION: (
        ("序号", "position", 4), ("项目名称", "name", 24), ("实施地点", "place", 14), ("下达(万元)", "allocated_wan", 10),
        ("支付(万元)", "paid_wan", 10), ("支付进度", "paid_percent", 9), ("形象进度", "physical_percent", 9),
        ("责任单位", "unit", 16),
    ),
}
# fmt: on
SUMMED = frozenset({"amount_wan", "allocated_wan", "paid_wan"})


def laid_out(subject: Subject, title: str, content: Mapping[str, Any], period: str = "") -> Page:
    """The page of an announcement; every cell is the content's own text."""
    columns = TABLES[subject]
    totals = {"name": "合计", **{key: content["totals"][key] for key in SUMMED if key in content["totals"]}}
    return Page(
        title=title,
        words=tuple(_words(content, period)),
        head=tuple(name for name, _, _ in columns),
        widths=tuple(width for _, _, width in columns),
        rows=tuple(tuple(str(line[key]) for _, key, _ in columns) for line in content["lines"]),
        totals=tuple(str(totals.get(key, "")) for _, key, _ in columns),
    )


def _words(content: Mapping[str, Any], period: str) -> list[tuple[str, str]]:
    said = [
        ("资金来源", f"{one['document_no']} {one['level']}{one['fund']} {one['amount_wan']} 万元")
        for one in content.get("sources", ())
    ]
    said += [
        (label, str(content.get(key) or ""))
        for label, key in (
            ("依据", "basis"),
            ("分配原则", "principle"),
            ("审定文件", "decision"),
            ("截至", "as_of"),
        )
    ]
    said += [("公示期", period), ("监督电话", str(content.get("hotline") or ""))]
    return [(label, text) for label, text in said if text]
