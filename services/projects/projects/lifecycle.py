"""Project states, actions, stages and the lifecycle table (项目状态)."""

from collections.abc import Mapping

from services.projects.projects import guards
from services.projects.projects.guards import ProjectFacts
from shared.auth import May
from shared.china import LabelledEnum
from shared.lifecycle import Lifecycle, transition


class State(LabelledEnum):
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


class Action(LabelledEnum):
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


class Stage(LabelledEnum):
    """项目阶段."""

    ADMISSION = "admission", "申报"
    RESERVE = "reserve", "储备"
    STARTED = "started", "开工"
    UNDER_CONSTRUCTION = "under_construction", "在建"
    COMPLETED = "completed", "竣工"
    OUT = "out", "出库/终止"


STAGE_OF_STATE: Mapping[State, Stage] = {
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
REVIEW_STATES = frozenset(
    {
        State.VILLAGE_NOTICE,
        State.TOWN_REVIEW,
        State.TOWN_NOTICE,
        State.APPRAISAL,
        State.APPROVAL,
        State.DISTRICT_NOTICE,
    }
)
"""States of a declared project until it is admitted to the library."""
EDITABLE_STATES = frozenset({State.DRAFT, State.RETURNED})
"""States in which the declarer may still edit every field."""
CONSTRUCTION_STATES = frozenset({State.STARTED, State.UNDER_CONSTRUCTION})


def list_states(stage: Stage) -> tuple[State, ...]:
    """Return all states of a stage."""
    return tuple(state for state, state_stage in STAGE_OF_STATE.items() if state_stage is stage)


S, A = State, Action
ENTRY_ACTORS = ("created_by", "declared_by")

# fmt: off
PROJECT_LIFECYCLE: Lifecycle[State, Action, ProjectFacts] = Lifecycle("project", "项目", State, S.DRAFT, (
    #          action       from                             to                    permission             guards
    transition(A.DECLARE,   EDITABLE_STATES,                 S.VILLAGE_NOTICE,     May.PROJECT_DECLARE,
               guards.form_complete, guards.minutes_attached),
    transition(A.FORWARD,   S.VILLAGE_NOTICE,                S.TOWN_REVIEW,        May.PROJECT_DECLARE,
               guards.belongs_to_town, guards.notice_period_over),
    transition(A.SUBMIT,    S.VILLAGE_NOTICE,                S.APPRAISAL,          May.PROJECT_DECLARE,
               guards.belongs_to_county, guards.notice_period_over),
    transition(A.RECALL,    S.VILLAGE_NOTICE,                S.RETURNED,           May.PROJECT_DECLARE,
               guards.reason_given),
    transition(A.ENDORSE,   S.TOWN_REVIEW,                   S.TOWN_NOTICE,        May.PROJECT_ENDORSE,
               guards.statements_confirmed, four_eyes=ENTRY_ACTORS),
    transition(A.FORWARD,   S.TOWN_NOTICE,                   S.APPRAISAL,          May.PROJECT_ENDORSE,
               guards.notice_period_over),
    transition(A.APPRAISE,  S.APPRAISAL,                     S.APPROVAL,           May.PROJECT_APPRAISE,
               guards.opinion_given, guards.statements_confirmed, guards.readiness_checked, four_eyes=ENTRY_ACTORS),
    transition(A.APPROVE,   S.APPROVAL,                      S.DISTRICT_NOTICE,    May.PROJECT_APPROVE,
               guards.decision_documented, four_eyes=(*ENTRY_ACTORS, "appraised_by")),
    transition(A.ADMIT,     S.DISTRICT_NOTICE,               S.RESERVE,            May.PROJECT_APPROVE,
               guards.notice_period_over, guards.screening_passed, four_eyes=ENTRY_ACTORS),
    transition(A.PLAN,      S.RESERVE,                       S.PLANNED,            May.PROJECT_PLAN,
               guards.screening_passed, guards.no_change_open),
    transition(A.START,     S.PLANNED,                       S.STARTED,            May.PROJECT_IMPLEMENT,
               guards.has_allocation, guards.has_implementation_plan, guards.procurement_documented,
               guards.tender_rules_met, guards.no_change_open),
    transition(A.PROGRESS,  CONSTRUCTION_STATES,             S.UNDER_CONSTRUCTION, May.PROJECT_IMPLEMENT),
    transition(A.COMPLETE,  S.UNDER_CONSTRUCTION,            S.COMPLETED,          May.PROJECT_IMPLEMENT,
               guards.construction_complete, guards.no_change_open),
    transition(A.ACCEPT,    S.COMPLETED,                     S.ACCEPTED,           May.PROJECT_ACCEPT,
               guards.not_own_works, guards.has_acceptance_report, guards.settlement_covers_assets,
               guards.completion_notice_over,
               four_eyes=("completed_by",)),
    transition(A.HAND_OVER, S.ACCEPTED,                      S.HANDED_OVER,        May.PROJECT_ACCEPT,
               guards.assets_registered),
    transition(A.CLOSE,     S.HANDED_OVER,                   S.CLOSED,             May.PROJECT_ACCEPT,
               guards.funds_settled, guards.has_self_evaluation, four_eyes=("evaluated_by",)),
    transition(A.RETURN,    (S.VILLAGE_NOTICE, S.TOWN_REVIEW, S.TOWN_NOTICE),
                                                             S.RETURNED,           May.PROJECT_ENDORSE,
               guards.reason_given),
    transition(A.RETURN,    S.APPRAISAL,                     S.RETURNED,           May.PROJECT_APPRAISE,
               guards.reason_given),
    transition(A.RETURN,    (S.APPROVAL, S.DISTRICT_NOTICE), S.RETURNED,           May.PROJECT_APPROVE,
               guards.reason_given),
    transition(A.SUSPEND,   CONSTRUCTION_STATES,             S.SUSPENDED,          May.PROJECT_APPROVE,
               guards.reason_given),
    transition(A.RESUME,    S.SUSPENDED,                     None,                 May.PROJECT_APPROVE,
               guards.reason_given),
    transition(A.WITHDRAW,  EDITABLE_STATES,                 S.WITHDRAWN,          May.PROJECT_DECLARE,
               guards.reason_given),
    transition(A.WITHDRAW,  (S.RESERVE, S.PLANNED),          S.WITHDRAWN,          May.PROJECT_APPROVE,
               guards.reason_given, guards.document_number_given, guards.no_open_commitments),
    transition(A.TERMINATE, (*CONSTRUCTION_STATES, S.SUSPENDED),
                                                             S.TERMINATED,         May.PROJECT_APPROVE,
               guards.reason_given, guards.document_number_given, guards.no_open_commitments),
))
# fmt: on
