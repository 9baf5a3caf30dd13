"""Where this service keeps personal values of people without an account: who leads, answers for and visited a rectification."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.rectification.items.lifecycle import ItemState
from services.rectification.items.models import RectificationItem
from shared.person_requests.models import ERASED_WORDS, PersonalRows, Subject
from shared.unit_of_work import UnitOfWork

OPEN_WORDS = "整改还没有销号, 履行法定职责所必需(个人信息保护法第十三条第三项)"
ENDED = (ItemState.CLOSED, ItemState.CONFIRMED, ItemState.CANCELLED)


def _is_here(_work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    """Condition: an item of the village, town or county that the request names; a name alone tells nobody elsewhere."""
    return col(RectificationItem.region) == subject.region


def _rows_of(name: str, label: str) -> PersonalRows:
    column: Any = getattr(RectificationItem, name)
    return PersonalRows(
        model=RectificationItem,
        label=label,
        find=lambda work, subject: sa.and_(_is_here(work, subject), column == subject.name),
        shows=("number", "document_no", "unit", name, "state"),
        empties={name: ERASED_WORDS},
        kept={OPEN_WORDS: lambda _work: col(RectificationItem.state).not_in(ENDED)},
    )


PERSONAL_ROWS = (
    _rows_of("leader", "整改包抓领导"),
    _rows_of("person", "整改责任人"),
    PersonalRows(
        model=RectificationItem,
        label="整改核查人",
        find=lambda work, subject: sa.and_(
            _is_here(work, subject), col(RectificationItem.visitors).contains(subject.name, autoescape=True)
        ),
        shows=("number", "visited_on", "state"),
        withheld=("visitors",),
        empties={"visitors": ERASED_WORDS},
        kept={OPEN_WORDS: lambda _work: col(RectificationItem.state).not_in(ENDED)},
    ),
)
