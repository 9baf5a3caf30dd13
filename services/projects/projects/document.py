"""Content of a project's public notice (公示): no personal names, no phone numbers."""

from typing import Any
from uuid import UUID

from services.projects.projects import repository
from services.projects.projects.guards import has_town
from services.projects.projects.lifecycle import EDITABLE_STATES, REVIEW_STATES, Stage, State
from services.projects.projects.models import NOTICE_SUBJECT_KIND, Project
from services.projects.projects.schemas import MoneyKind
from shared.auth import May
from shared.china import format_wan, format_yuan
from shared.errors import Conflict
from shared.notices.layout import Fact, NoticeLayout
from shared.notices.schemas import NoticeLevel
from shared.notices.service import NoticeStep, NoticeSubject
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

NOTICE_LAYOUT = NoticeLayout(
    {
        "name": Fact("项目名称"),
        "library_code": Fact("库编号"),
        "category": Fact("项目类型"),
        "nature": Fact("建设性质"),
        "year": Fact("年度", "年"),
        "place": Fact("实施地点"),
        "content": Fact("建设内容与规模"),
        "total": Fact("预算总投资", "元"),
        "money": Fact("资金来源", each="{kind}{amount}元"),
        "managing_unit": Fact("主管部门"),
        "implementing_unit": Fact("实施单位"),
        "planned_start": Fact("计划开工"),
        "planned_end": Fact("计划完工"),
        "households": Fact("受益户数", "户"),
        "people": Fact("受益人口", "人"),
        "linkage": Fact("联农带农机制"),
        "goal": Fact("总体绩效目标"),
        "targets": Fact("绩效指标"),
        "decision": Fact("审定文件"),
        "completed_on": Fact("完工日期"),
        "paid": Fact("已支付", "元"),
        "settled": Fact("审定结算", "元"),
    }
)
FINISHED_STATES = frozenset({State.COMPLETED, State.ACCEPTED, State.HANDED_OVER, State.CLOSED})


PUBLISHERS = {
    NoticeLevel.VILLAGE: May.PROJECT_DECLARE,
    NoticeLevel.TOWN: May.PROJECT_ENDORSE,
    NoticeLevel.DISTRICT: May.PROJECT_APPROVE,
}
"""Level → permission of its publisher: who declares, who endorses for the town, who decides for the district."""
LEVELS_OF_STATE = {
    State.VILLAGE_NOTICE: (NoticeLevel.VILLAGE,),
    State.TOWN_NOTICE: (NoticeLevel.TOWN,),
    State.DISTRICT_NOTICE: (NoticeLevel.DISTRICT,),
}


def get_notice_steps(project: Project) -> dict[NoticeLevel, NoticeStep]:
    """Return the levels whose notice may be posted for a project now, each with its publisher and first day."""
    since = project.state_since.astimezone(CHINA_TIME_ZONE).date()
    if project.state in FINISHED_STATES:
        return {NoticeLevel.COMPLETION: NoticeStep(begun_on=project.completed_on)}
    if project.state in REVIEW_STATES:
        steps = {
            level: NoticeStep(PUBLISHERS[level], since) for level in LEVELS_OF_STATE.get(project.state, ())
        }
        if project.state is State.VILLAGE_NOTICE and not has_town(project.region):
            # No town reviews it: its declarer posts on the boards of towns and villages at the same time.
            steps[NoticeLevel.TOWN] = NoticeStep(May.PROJECT_DECLARE, since)
        return steps
    return {NoticeLevel.DISTRICT: NoticeStep(May.PROJECT_APPROVE)}


async def load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    """Load a project as the subject of a notice. With `lock`, raise Conflict when it is not declared yet or has left the library."""
    project = await repository.get_project(work, record_id, lock=lock)
    if lock and (project.state in EDITABLE_STATES or project.stage is Stage.OUT):
        raise Conflict(
            f"项目{project.state.label}, 不能公示", f"The project is {project.state}", next_step="请先申报"
        )
    return await build_notice_subject(work, project)


async def build_notice_subject(work: UnitOfWork, project: Project) -> NoticeSubject:
    """Build the public view of a project that notices show."""
    return NoticeSubject(
        NOTICE_SUBJECT_KIND,
        str(project.id),
        project.region,
        project.version,
        project.name,
        await build_notice_content(work, project),
        get_notice_steps(project),
        project.managing_unit,
    )


async def build_notice_content(work: UnitOfWork, project: Project) -> dict[str, Any]:
    """Build the content of a notice from strings, integers and lists of them, without personal data."""
    money = await repository.list_planned_money(work, project.id)
    targets = await repository.list_targets(work, project.id)
    content: dict[str, Any] = {
        "name": project.name,
        "library_code": project.library_code or "",
        "category": project.category_label,
        "nature": project.nature.label,
        "year": project.year,
        "place": project.place,
        "content": project.content,
        "total": format_yuan(project.total),
        "total_wan": format_wan(project.total, 0),
        "money": [{"kind": MoneyKind(row.kind).label, "amount": format_yuan(row.amount)} for row in money],
        "managing_unit": project.managing_unit,
        "implementing_unit": project.implementing_unit,
        "planned_start": str(project.planned_start or ""),
        "planned_end": str(project.planned_end or ""),
        "households": project.households,
        "people": project.people,
        "linkage": project.linkage,
        "goal": project.goal,
        "targets": [
            f"{target.kind.label}: {target.name} {target.operator} {target.value}{target.unit}"
            for target in targets
        ],
    }
    if project.decision_no:
        content["decision"] = f"{project.decision_no} {project.decision_on or ''}".strip()
    if project.state in FINISHED_STATES:
        content |= {"completed_on": str(project.completed_on or ""), "paid": format_yuan(project.paid)}
        if project.settled:
            content["settled"] = format_yuan(project.settled)
    return content
