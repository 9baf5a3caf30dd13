"""The life of a project, on one screen: from the village's wish to the closed file."""

from services.projects.library import guards
from services.projects.library.guards import ProjectFacts
from services.projects.library.states import BUILDING, EDITABLE, Action, State
from shared.lifecycle import Lifecycle, move
from shared.permissions import May

S, A = State, Action
ENTERED = ("created_by", "declared_by")

# fmt: off
PROJECT: Lifecycle[State, Action, ProjectFacts] = Lifecycle("project", "项目", State, S.DRAFT, (
    #    action       from                             to                    who                    needs
    move(A.DECLARE,   EDITABLE,                        S.VILLAGE_NOTICE,     May.PROJECT_DECLARE,   guards.complete_form,
         guards.minutes_attached),
    move(A.FORWARD,   S.VILLAGE_NOTICE,                S.TOWN_REVIEW,        May.PROJECT_DECLARE,   guards.of_a_town,
         guards.notices_over),
    move(A.SUBMIT,    S.VILLAGE_NOTICE,                S.APPRAISAL,          May.PROJECT_DECLARE,   guards.without_a_town,
         guards.notices_over),
    move(A.RECALL,    S.VILLAGE_NOTICE,                S.RETURNED,           May.PROJECT_DECLARE,   guards.reasoned),
    move(A.ENDORSE,   S.TOWN_REVIEW,                   S.TOWN_NOTICE,        May.PROJECT_ENDORSE,   guards.stated,
         eyes=ENTERED),
    move(A.FORWARD,   S.TOWN_NOTICE,                   S.APPRAISAL,          May.PROJECT_ENDORSE,   guards.notices_over),
    move(A.APPRAISE,  S.APPRAISAL,                     S.APPROVAL,           May.PROJECT_APPRAISE,  guards.opinion_given,
         guards.stated, guards.readiness_checked, eyes=ENTERED),
    move(A.APPROVE,   S.APPROVAL,                      S.DISTRICT_NOTICE,    May.PROJECT_APPROVE,   guards.decided,
         eyes=(*ENTERED, "appraised_by")),
    move(A.ADMIT,     S.DISTRICT_NOTICE,               S.RESERVE,            May.PROJECT_APPROVE,   guards.notices_over,
         guards.screening_clean, eyes=ENTERED),
    move(A.PLAN,      S.RESERVE,                       S.PLANNED,            May.PROJECT_PLAN,      guards.screening_clean,
         guards.no_change_open),
    move(A.START,     S.PLANNED,                       S.STARTED,            May.PROJECT_IMPLEMENT, guards.funded,
         guards.implementation_planned, guards.procured, guards.tendered, guards.no_change_open),
    move(A.PROGRESS,  BUILDING,                        S.UNDER_CONSTRUCTION, May.PROJECT_IMPLEMENT),
    move(A.COMPLETE,  S.UNDER_CONSTRUCTION,            S.COMPLETED,          May.PROJECT_IMPLEMENT, guards.built_in_full,
         guards.no_change_open),
    move(A.ACCEPT,    S.COMPLETED,                     S.ACCEPTED,           May.PROJECT_ACCEPT,    guards.acceptance_reported,
         guards.settled_amount, guards.completion_noticed, eyes=("completed_by",)),
    move(A.HAND_OVER, S.ACCEPTED,                      S.HANDED_OVER,        May.PROJECT_ACCEPT,    guards.assets_cover),
    move(A.CLOSE,     S.HANDED_OVER,                   S.CLOSED,             May.PROJECT_ACCEPT,    guards.money_finished,
         guards.self_evaluated, eyes=("evaluated_by",)),
    move(A.RETURN,    (S.VILLAGE_NOTICE, S.TOWN_REVIEW, S.TOWN_NOTICE),
                                                       S.RETURNED,           May.PROJECT_ENDORSE,   guards.reasoned),
    move(A.RETURN,    S.APPRAISAL,                     S.RETURNED,           May.PROJECT_APPRAISE,  guards.reasoned),
    move(A.RETURN,    (S.APPROVAL, S.DISTRICT_NOTICE), S.RETURNED,           May.PROJECT_APPROVE,   guards.reasoned),
    move(A.SUSPEND,   BUILDING,                        S.SUSPENDED,          May.PROJECT_APPROVE,   guards.reasoned),
    move(A.RESUME,    S.SUSPENDED,                     None,                 May.PROJECT_APPROVE,   guards.reasoned),
    move(A.WITHDRAW,  EDITABLE,                        S.WITHDRAWN,          May.PROJECT_DECLARE,   guards.reasoned),
    move(A.WITHDRAW,  (S.RESERVE, S.PLANNED),          S.WITHDRAWN,          May.PROJECT_APPROVE,   guards.reasoned,
         guards.documented, guards.money_released),
    move(A.TERMINATE, (*BUILDING, S.SUSPENDED),        S.TERMINATED,         May.PROJECT_APPROVE,   guards.reasoned,
         guards.documented, guards.money_released),
))
# fmt: on
