"""Worklist conditions: for which actor a project waits in each state, derived from the lifecycle table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.projects.projects.guards import FULL_PERCENT, has_town
from services.projects.projects.lifecycle import PROJECT_LIFECYCLE, Action, State
from services.projects.projects.models import Project
from services.projects.projects.repository import PROJECT_COLUMNS
from services.projects.projects.schemas import Origin
from shared.auth import Actor, May, Role, region_bounds

NO_TOWN_SUFFIX = "000000"
"""Digits after the county code in a region without a town."""
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
"""Actions that move a project forward and put it on somebody's worklist."""
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
"""Permissions that several roles hold for one project: the origin of the project decides whose task it is."""


@dataclass(frozen=True)
class WorklistEntry:
    """A state, the action it waits for, and the SQL condition under which it waits for this actor."""

    state: State
    action: Action
    condition: sa.ColumnElement[bool]

    def matches_project(self, project: Project) -> bool:
        """Return whether the project waits for this action; a project with a town is not submitted directly."""
        in_state = self.state is project.state
        return in_state and (self.action is not Action.SUBMIT or not has_town(project.region))


def list_worklist_entries(actor: Actor) -> list[WorklistEntry]:
    """Return every state in which a project can wait for this actor."""
    entries = []
    for transition in PROJECT_LIFECYCLE.transitions:
        if transition.action in FORWARD_ACTIONS and actor.can(transition.may):
            four_eyes = [
                getattr(PROJECT_COLUMNS, name).not_in(actor.own_accounts) for name in transition.four_eyes
            ]
            for state in sorted(transition.sources):
                condition = sa.and_(
                    PROJECT_COLUMNS.state == state,
                    _build_scope_condition(actor, transition.may),
                    *four_eyes,
                    *_build_readiness_conditions(transition.action),
                )
                entries.append(WorklistEntry(state, transition.action, condition))
    return entries


def build_cutoff_condition(cutoffs: Mapping[State, datetime]) -> sa.ColumnElement[bool]:
    """Build the condition of projects that entered their state before the cutoff of that state."""
    return sa.or_(
        sa.false(),
        *(
            sa.and_(PROJECT_COLUMNS.state == state, PROJECT_COLUMNS.state_since < moment)
            for state, moment in cutoffs.items()
        ),
    )


def _build_scope_condition(actor: Actor, permission: May) -> Any:  # noqa: ANN401 - a condition
    in_scope = actor.scope_filter(permission, PROJECT_COLUMNS.region)
    if permission not in ORIGINS_BY_ROLE:
        return in_scope
    own: list[Any] = [PROJECT_COLUMNS.created_by == actor.id, PROJECT_COLUMNS.declared_by == actor.id]
    for grant in actor.grants:
        if origins := ORIGINS_BY_ROLE[permission].get(grant.role):
            own.append(
                sa.and_(
                    PROJECT_COLUMNS.origin.in_(origins),
                    PROJECT_COLUMNS.region.between(*region_bounds(grant.region)),
                )
            )
    return sa.and_(in_scope, sa.or_(*own))


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
