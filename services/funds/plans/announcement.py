"""公告: made from the plan's records and nothing else, so that it cannot say anything different."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from uuid import UUID

from services.funds.plans.models import Plan, PlanLine
from services.funds.sources.models import Source
from shared.money import wan, yuan

HEAD = (
    "序号",
    "项目名称",
    "实施地点",
    "建设内容",
    "资金(万元)",
    "资金名称",
    "项目类型",
    "责任单位",
    "绩效目标",
)
CELLS = ("position", "name", "place", "content", "amount_wan", "fund", "project_type", "unit", "target")


def announcement(
    plan: Plan, lines: Sequence[PlanLine], sources: Mapping[UUID, Source], hotline: str
) -> dict[str, Any]:
    """The content of the notice and of every form of the announcement: strings and whole numbers only."""
    used = list(dict.fromkeys(line.source_id for line in lines))
    given = {
        source_id: sum(line.amount for line in lines if line.source_id == source_id) for source_id in used
    }
    total = sum(line.amount for line in lines)
    return {
        "title": plan.title,
        "year": plan.year,
        "batch": plan.batch,
        "basis": plan.basis,
        "principle": plan.principle,
        "decision": " ".join(filter(None, (plan.decision_no, str(plan.decision_on or "")))),
        "sources": [
            {
                "document_no": sources[source_id].document_no,
                "level": sources[source_id].level.label,
                "fund": sources[source_id].fund.label,
                "amount": yuan(amount),
                "amount_wan": _wan(amount),
            }
            for source_id, amount in given.items()
        ],
        "total": yuan(total),
        "total_wan": _wan(total),
        "count": len(lines),
        "lines": [_line(line, sources[line.source_id]) for line in lines],
        "hotline": plan.hotline or hotline,
    }


def _wan(amount: int) -> str:
    return wan(amount, 0)


def _line(line: PlanLine, source: Source) -> dict[str, Any]:
    return {
        "position": line.position,
        "name": line.name,
        "place": line.place,
        "content": line.content,
        "amount": yuan(line.amount),
        "amount_wan": _wan(line.amount),
        "fund": line.fund_note or f"{source.level.label}{source.fund.label}",
        "project_type": line.project_type,
        "unit": line.unit,
        "target": line.target,
    }


def as_html(content: Mapping[str, Any], period: str = "") -> str:
    """The announcement as a page of its own, without scripts or outside files."""
    sources = "".join(
        f"<li>{escape(one['document_no'])}: {escape(one['level'])}{escape(one['fund'])} {one['amount_wan']} 万元</li>"
        for one in content["sources"]
    )
    head = "".join(f"<th>{name}</th>" for name in HEAD)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(line[cell]))}</td>" for cell in CELLS) + "</tr>"
        for line in content["lines"]
    )
    words = "".join(
        f"<p>{label}: {escape(text)}</p>"
        for label, text in (
            ("依据", content["basis"]),
            ("分配原则", content["principle"]),
            ("审定文件", content["decision"]),
            ("公示期", period),
            ("监督电话", content["hotline"]),
        )
        if text
    )
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        f"<title>{escape(content['title'])}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(content['title'])}</h1><h2>资金来源</h2><ul>{sources}</ul>"
        f"<p>合计 {content['total_wan']} 万元, {content['count']} 个项目</p>{words}"
        f"<h2>分配表</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></body></html>"
    )


STYLE = (
    "body{font-family:sans-serif;max-width:72rem;margin:1rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.3rem;vertical-align:top}"
)
