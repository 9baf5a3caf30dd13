"""Content of the announcement of a plan (公告), built from its records only."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.funds.plans.models import Plan, PlanLine
from services.funds.sources.models import Source
from shared.china import format_wan, format_yuan
from shared.notices.layout import Fact, LayoutColumn, NoticeLayout

NOTICE_LAYOUT = NoticeLayout(
    {
        "batch": Fact("资金批次"),
        "sources": Fact("资金来源", each="{document_no} {level}{fund} {amount_wan}万元"),
        "principle": Fact("分配原则"),
        "decision": Fact("审定文件"),
    },
    lines="lines",
    columns=(
        LayoutColumn("序号", "position"),
        LayoutColumn("项目名称", "name"),
        LayoutColumn("实施地点", "place"),
        LayoutColumn("项目类型", "project_type"),
        LayoutColumn("资金来源", "fund"),
        LayoutColumn("责任单位", "unit"),
        LayoutColumn("绩效目标", "target"),
        LayoutColumn("金额(万元)", "amount_wan", numeric=True, summed=True),
    ),
    document_no="basis",
)


def build_announcement(
    plan: Plan, lines: Sequence[PlanLine], sources: Mapping[UUID, Source], hotline: str
) -> dict[str, Any]:
    """Build the content of the notice and of every form of the announcement; values are strings and integers only."""
    source_ids = list(dict.fromkeys(line.source_id for line in lines))
    amount_by_source = {
        source_id: sum(line.amount for line in lines if line.source_id == source_id)
        for source_id in source_ids
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
                "amount": format_yuan(amount),
                "amount_wan": _format_wan(amount),
            }
            for source_id, amount in amount_by_source.items()
        ],
        "total": format_yuan(total),
        "total_wan": _format_wan(total),
        "count": len(lines),
        "lines": [_build_line(line, sources[line.source_id]) for line in lines],
        "hotline": plan.hotline or hotline,
    }


def _format_wan(amount: int) -> str:
    return format_wan(amount, 0)


def _build_line(line: PlanLine, source: Source) -> dict[str, Any]:
    return {
        "position": line.position,
        "name": line.name,
        "place": line.place,
        "content": line.content,
        "amount": format_yuan(line.amount),
        "amount_wan": _format_wan(line.amount),
        "fund": line.fund_note or f"{source.level.label}{source.fund.label}",
        "project_type": line.project_type,
        "unit": line.unit,
        "target": line.target,
    }
