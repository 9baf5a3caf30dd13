"""Worklist conditions: for which actor a project waits in each state, derived from the lifecycle table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.projects.projects.guards import FULL_PERCENT, has_town
from services.projects.projects.lifecycle import PROJECT_LIFECYCLE as LIFE
from services.projects.projects.lifecycle import Action, State
from services.projects.projects.models import Project
from services.projects.projects.repository import PROJECT_TABLE
from services.projects.projects.schemas import Origin
from shared.auth import Actor, May, Role, region_bounds

PROJECT_COLUMNS = PROJECT_TABLE.c
NO_TOWN_SUFFIX = "000000"
"""What follows a district's six digits in a region without a town."""
FORWARD_ACTIONS = (
    Action.DECLARE,
    Action.FORWARD,
    Action.SUBMIT,
    Action.ENDORSE,
    Action.APPRAISE,
    Action.APPROVE,
    Action.ADMIT,
    Action.START,
    Action.COMPLETE,
    Action.ACCEPT,
    Action.HAND_OVER,
    Action.CLOSE,
)
"""Moves that take a project forward and that somebody has to make."""
ORIGINS_BY_ROLE: dict[May, dict[Role, tuple[Origin, ...]]] = {
    May.PROJECT_DECLARE: {
        Role.VILLAGE_CLERK: (Origin.VILLAGE,),
        Role.TOWN_OFFICER: (Origin.TOWN,),
        Role.LINE_BUREAU: (Origin.DISTRICT,),
        Role.BUREAU: (Origin.DISTRICT,),
    },
    May.PROJECT_IMPLEMENT: {
        Role.TOWN_OFFICER: (Origin.VILLAGE, Origin.TOWN),
        Role.LINE_BUREAU: (Origin.DISTRICT,),
        Role.BUREAU: (Origin.DISTRICT,),
    },
}
"""Permissions that many hold over one project: whose work it is follows from who declared it."""


@dataclass(frozen=True)
class WorklistEntry:
    """A state, the move it waits for, and the condition that it waits for this actor."""

    state: State
    action: Action
    condition: sa.ColumnElement[bool]

    def matches_project(self, project: Project) -> bool:
        """Whether this is the move a project of the state waits for: where there is no town, it is submitted."""
        here = self.state is project.state
        return here and (self.action is not Action.SUBMIT or not has_town(project.region))


def list_worklist_entries(actor: Actor) -> list[WorklistEntry]:
    """Every state in which a project can wait for this actor."""
    found = []
    for row in LIFE.transitions:
        if row.action in FORWARD_ACTIONS and actor.can(row.may):
            others = [getattr(PROJECT_COLUMNS, name) != actor.id for name in row.four_eyes]
            for state in sorted(row.sources):
                condition = sa.and_(
                    PROJECT_COLUMNS.state == state,
                    _build_scope_condition(actor, row.may),
                    *others,
                    *_build_readiness_conditions(row.action),
                )
                found.append(WorklistEntry(state, row.action, condition))
    return found


def build_cutoff_condition(cutoffs: Mapping[State, datetime]) -> sa.ColumnElement[bool]:
    """True of a project that came into its state before that state's moment."""
    return sa.or_(
        sa.false(),
        *(
            sa.and_(PROJECT_COLUMNS.state == state, PROJECT_COLUMNS.state_since < moment)
            for state, moment in cutoffs.items()
        ),
    )


def _build_scope_condition(actor: Actor, may: May) -> Any:  # noqa: ANN401 - a condition
    within = actor.scope_filter(may, PROJECT_COLUMNS.region)
    if may not in ORIGINS_BY_ROLE:
        return within
    mine: list[Any] = [PROJECT_COLUMNS.created_by == actor.id, PROJECT_COLUMNS.declared_by == actor.id]
    for grant in actor.grants:
        if origins := ORIGINS_BY_ROLE[may].get(grant.role):
            mine.append(
                sa.and_(
                    PROJECT_COLUMNS.origin.in_(origins),
                    PROJECT_COLUMNS.region.between(*region_bounds(grant.region)),
                )
            )
    return sa.and_(within, sa.or_(*mine))


def _build_readiness_conditions(action: Action) -> list[Any]:
    match action:
        case Action.FORWARD:
            return [sa.func.substr(PROJECT_COLUMNS.region, 7, 6) != NO_TOWN_SUFFIX]
        case Action.SUBMIT:
            return [sa.func.substr(PROJECT_COLUMNS.region, 7, 6) == NO_TOWN_SUFFIX]
        case Action.START:
            return [PROJECT_COLUMNS.allocated > 0]
        case Action.COMPLETE:
            return [PROJECT_COLUMNS.physical_percent == FULL_PERCENT]
        case _:
            return []
