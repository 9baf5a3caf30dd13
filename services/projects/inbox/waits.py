"""For whom a project waits in each state, derived from the table of its life."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.projects.library.guards import DONE
from services.projects.library.kinds import Origin
from services.projects.library.lifecycle import PROJECT as LIFE
from services.projects.library.models import Project
from services.projects.library.repository import PROJECT
from services.projects.library.states import Action, State, has_town
from shared.access import Actor, span
from shared.permissions import May, Role

P = PROJECT.c
BARE = "000000"
"""What follows a district's six digits in a region without a town."""
AHEAD = (
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
OWN: dict[May, dict[Role, tuple[Origin, ...]]] = {
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
class Wait:
    """A state, the move it waits for, and the condition that it waits for this actor."""

    state: State
    action: Action
    condition: sa.ColumnElement[bool]

    def fits(self, project: Project) -> bool:
        """Whether this is the move a project of the state waits for: where there is no town, it is submitted."""
        here = self.state is project.state
        return here and (self.action is not Action.SUBMIT or not has_town(project.region))


def waits(actor: Actor) -> list[Wait]:
    """Every state in which a project can wait for this actor."""
    found = []
    for row in LIFE.moves:
        if row.action in AHEAD and actor.can(row.may):
            others = [getattr(P, name) != actor.id for name in row.eyes]
            for state in sorted(row.sources):
                condition = sa.and_(P.state == state, _scope(actor, row.may), *others, *_ripe(row.action))
                found.append(Wait(state, row.action, condition))
    return found


def before(cutoffs: Mapping[State, datetime]) -> sa.ColumnElement[bool]:
    """True of a project that came into its state before that state's moment."""
    return sa.or_(
        sa.false(), *(sa.and_(P.state == state, P.state_since < moment) for state, moment in cutoffs.items())
    )


def _scope(actor: Actor, may: May) -> Any:  # noqa: ANN401 - a condition
    within = actor.where(may, P.region)
    if may not in OWN:
        return within
    mine: list[Any] = [P.created_by == actor.id, P.declared_by == actor.id]
    for grant in actor.grants:
        if origins := OWN[may].get(grant.role):
            mine.append(sa.and_(P.origin.in_(origins), P.region.between(*span(grant.region))))
    return sa.and_(within, sa.or_(*mine))


def _ripe(action: Action) -> list[Any]:
    match action:
        case Action.FORWARD:
            return [sa.func.substr(P.region, 7, 6) != BARE]
        case Action.SUBMIT:
            return [sa.func.substr(P.region, 7, 6) == BARE]
        case Action.START:
            return [P.allocated > 0]
        case Action.COMPLETE:
            return [P.physical_percent == DONE]
        case _:
            return []
