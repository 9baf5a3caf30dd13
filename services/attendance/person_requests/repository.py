"""Where this service keeps personal values of people without an account: visited households, who complained."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.attendance.complaints.lifecycle import ComplaintState
from services.attendance.complaints.models import Complaint
from services.attendance.visits.models import Visit, VisitFollowUp
from shared.person_requests.models import ERASED_WORDS, PersonalRows, Subject, random_mark
from shared.unit_of_work import UnitOfWork

OPEN_WORDS = "投诉还没有答复, 处理目的未实现(个人信息保护法第十三条第三项)"


def _is_of_household(work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    """Condition: a visit to a household of this name in the village of the request; a name alone tells nobody elsewhere."""
    mark = work.context.keyring.blind_index(f"{subject.region}{subject.name}", "household")
    return sa.and_(sa.literal(subject.is_of_village), col(Visit.household_mark) == mark)


def _is_of_visit(work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    visits: Any = sa.select(col(Visit.id)).where(_is_of_household(work, subject))
    return col(VisitFollowUp.visit_id).in_(visits)


PERSONAL_ROWS = (
    PersonalRows(
        model=VisitFollowUp,
        label="走访待办",
        find=_is_of_visit,
        shows=("visit_id", "due_on", "done_on"),
        withheld=("text",),
        empties={"text": ERASED_WORDS},
    ),
    PersonalRows(
        model=Visit,
        label="走访",
        find=_is_of_household,
        opens=("household",),
        shows=("visited_on", "kind", "purpose", "lon", "lat"),
        withheld=("findings",),
        empties={
            "household_sealed": "",
            "household_masked": ERASED_WORDS,
            "household_mark": random_mark,
            "findings": ERASED_WORDS,
            "lon": None,
            "lat": None,
            "place": dict,
            "photo_remarks": list,
        },
        files="photos",
    ),
    PersonalRows(
        model=Complaint,
        label="投诉",
        find=lambda _work, _subject: col(Complaint.contact_sealed) != "",
        certain=lambda _work, _subject: sa.false(),
        phone="contact",
        opens=("contact",),
        shows=("created_at", "state"),
        withheld=("text",),
        empties={"contact_sealed": ""},
        kept={OPEN_WORDS: lambda _work: col(Complaint.state) == ComplaintState.OPEN},
    ),
)
