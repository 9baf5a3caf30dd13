"""States, actions and stages of a project."""

from collections.abc import Mapping

from shared.labels import Labelled


class State(Labelled):
    """项目状态."""

    DRAFT = "draft", "草稿"
    VILLAGE_NOTICE = "village_notice", "村级公示"
    TOWN_REVIEW = "town_review", "镇级审核"
    TOWN_NOTICE = "town_notice", "镇级公示"
    APPRAISAL = "appraisal", "部门论证"
    APPROVAL = "approval", "县级审定"
    DISTRICT_NOTICE = "district_notice", "县级公示"
    RETURNED = "returned", "退回修改"
    RESERVE = "reserve", "已入库"
    PLANNED = "planned", "已纳入年度计划"
    STARTED = "started", "已开工"
    UNDER_CONSTRUCTION = "under_construction", "在建"
    SUSPENDED = "suspended", "暂停"
    COMPLETED = "completed", "已完工"
    ACCEPTED = "accepted", "已验收"
    HANDED_OVER = "handed_over", "已移交"
    CLOSED = "closed", "已办结"
    WITHDRAWN = "withdrawn", "已出库"
    TERMINATED = "terminated", "已终止"


class Action(Labelled):
    """项目办理事项."""

    DECLARE = "declare", "申报"
    FORWARD = "forward", "上报"
    SUBMIT = "submit", "报送论证"
    RECALL = "recall", "撤回申报"
    ENDORSE = "endorse", "镇级审核通过"
    APPRAISE = "appraise", "论证通过"
    APPROVE = "approve", "审定"
    ADMIT = "admit", "入库"
    RETURN = "return", "退回"
    PLAN = "plan", "纳入年度计划"
    START = "start", "开工"
    PROGRESS = "progress", "上报进度"
    COMPLETE = "complete", "完工"
    ACCEPT = "accept", "验收"
    HAND_OVER = "hand_over", "移交"
    CLOSE = "close", "办结"
    SUSPEND = "suspend", "暂停"
    RESUME = "resume", "恢复"
    WITHDRAW = "withdraw", "出库"
    TERMINATE = "terminate", "终止"


class Stage(Labelled):
    """项目阶段."""

    ADMISSION = "admission", "申报"
    RESERVE = "reserve", "储备"
    STARTED = "started", "开工"
    UNDER_CONSTRUCTION = "under_construction", "在建"
    COMPLETED = "completed", "竣工"
    OUT = "out", "出库/终止"


STAGES: Mapping[State, Stage] = {
    State.DRAFT: Stage.ADMISSION,
    State.VILLAGE_NOTICE: Stage.ADMISSION,
    State.TOWN_REVIEW: Stage.ADMISSION,
    State.TOWN_NOTICE: Stage.ADMISSION,
    State.APPRAISAL: Stage.ADMISSION,
    State.APPROVAL: Stage.ADMISSION,
    State.DISTRICT_NOTICE: Stage.ADMISSION,
    State.RETURNED: Stage.ADMISSION,
    State.RESERVE: Stage.RESERVE,
    State.PLANNED: Stage.RESERVE,
    State.STARTED: Stage.STARTED,
    State.UNDER_CONSTRUCTION: Stage.UNDER_CONSTRUCTION,
    State.SUSPENDED: Stage.UNDER_CONSTRUCTION,
    State.COMPLETED: Stage.COMPLETED,
    State.ACCEPTED: Stage.COMPLETED,
    State.HANDED_OVER: Stage.COMPLETED,
    State.CLOSED: Stage.COMPLETED,
    State.WITHDRAWN: Stage.OUT,
    State.TERMINATED: Stage.OUT,
}
TOWN_AND_BELOW = slice(6, 12)
REVIEWS = frozenset(
    {
        State.VILLAGE_NOTICE,
        State.TOWN_REVIEW,
        State.TOWN_NOTICE,
        State.APPRAISAL,
        State.APPROVAL,
        State.DISTRICT_NOTICE,
    }
)
"""Where a declared project is before the library takes it."""
EDITABLE = frozenset({State.DRAFT, State.RETURNED})
"""Where the record is still the declarer's to write."""
BUILDING = frozenset({State.STARTED, State.UNDER_CONSTRUCTION})


def has_town(region: str) -> bool:
    """Whether a region is a town or lies in one; a district's own projects have no town to review them."""
    return bool(region[TOWN_AND_BELOW].strip("0"))


def states_of(stage: Stage) -> tuple[State, ...]:
    """Every state of a stage."""
    return tuple(state for state, found in STAGES.items() if found is stage)
