"""Where this service keeps personal values of whom: the rows of a person, how they are found, what becomes of them."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.households.alerts.models import ALERTS
from services.households.clues.lifecycle import ClueState
from services.households.clues.models import Clue
from services.households.households.lifecycle import HELPED, UNDER_WAY
from services.households.households.models import Household, HouseholdMember
from services.households.households.schemas import Relation
from services.households.imports.models import HouseholdImport
from services.households.jobs.lifecycle import JobState
from services.households.jobs.models import HelpJob
from services.households.loans.lifecycle import LoanState
from services.households.loans.models import SmallLoan
from services.households.measures.models import HelpMeasure
from shared.person_requests.accounts import (
    AccountCopies,
    AccountDuty,
    AccountRows,
    alert_duty,
    import_rows,
)
from shared.person_requests.models import (
    ACCOUNT_NAME,
    ERASED_WORDS,
    PersonalRows,
    Subject,
    random_mark,
)
from shared.unit_of_work import UnitOfWork

HELPED_WORDS = "正在识别或监测帮扶, 处理目的未实现(个人信息保护法第十三条第三项)"
LENT_WORDS = "贷款未结清, 履行合同所必需(个人信息保护法第十三条第二项)"
AT_WORK_WORDS = "还在岗, 履行合同所必需(个人信息保护法第十三条第二项)"
VISIT_WORDS = "线索还没有核查"
NAMED = {"name_sealed": "", "name_masked": ERASED_WORDS}
"""What takes the place of a name."""
NUMBERED = {"id_no_sealed": "", "id_mark": random_mark}
"""What takes the place of an id number."""


def _select_households(subject: Subject, *conditions: sa.ColumnElement[bool]) -> Any:  # noqa: ANN401 - a subquery
    member = HouseholdMember.__table__.c  # type: ignore[attr-defined]
    return sa.select(member.household_id).where(subject.has_mark(member.id_mark), *conditions)


def _is_last_of(subject: Subject, household_id: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column
    """Condition: a household in which the person stands, and nobody else who is not erased."""
    member = HouseholdMember.__table__.alias().c  # type: ignore[attr-defined]
    others = sa.select(member.id).where(
        member.household_id == household_id, member.name_sealed != "", ~subject.has_mark(member.id_mark)
    )
    return sa.and_(household_id.in_(_select_households(subject)), ~others.exists())


def _is_helped(household_id: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column
    helped = sa.select(col(Household.id)).where(col(Household.state).in_((*UNDER_WAY, *HELPED)))
    found: sa.ColumnElement[bool] = household_id.in_(helped)
    return found


def _is_helped_household(_work: UnitOfWork) -> sa.ColumnElement[bool]:
    return col(Household.state).in_((*UNDER_WAY, *HELPED))


PERSONAL_ROWS = (
    PersonalRows(
        model=HouseholdMember,
        label="家庭成员",
        find=lambda _work, subject: subject.has_mark(col(HouseholdMember.id_mark)),
        numbered=True,
        name="name",
        opens=("name", "id_no"),
        shows=("household_id", "relation"),
        source="household_id",
        empties={"name_sealed": "", **NUMBERED},
        kept={HELPED_WORDS: lambda _work: _is_helped(col(HouseholdMember.household_id))},
    ),
    PersonalRows(
        model=Household,
        label="户主资料",
        find=lambda _work, subject: col(Household.id).in_(
            _select_households(subject, col(HouseholdMember.relation) == Relation.HEAD)
        ),
        opens=("phone", "account"),
        shows=("monitor_class", "identified_on", "removed_on", "state"),
        withheld=("comparison",),
        empties={
            "head_masked": ERASED_WORDS,
            "phone_sealed": "",
            "account_sealed": "",
            "comparison_sealed": "",
        },
        notice="household",
        kept={HELPED_WORDS: _is_helped_household},
    ),
    PersonalRows(
        model=Household,
        label="全户资料",
        find=lambda _work, subject: _is_last_of(subject, col(Household.id)),
        opens=("risks",),
        shows=("number", "income", "safeguards", "income_after"),
        empties={
            **dict.fromkeys(
                ("number", "phone_sealed", "account_sealed", "risks_sealed", "comparison_sealed"), ""
            ),
            "head_masked": ERASED_WORDS,
            "income": dict,
            "per_head": 0,
            "income_after": None,
        },
        files="file_ids",
        notice="household",
        kept={HELPED_WORDS: _is_helped_household},
    ),
    PersonalRows(
        model=HelpMeasure,
        label="帮扶措施",
        find=lambda _work, subject: _is_last_of(subject, col(HelpMeasure.household_id)),
        shows=("kind", "planned_on", "done_on", "amount"),
        source="household_id",
        withheld=("text", "result"),
        empties={"text": ERASED_WORDS, "result": ""},
        kept={HELPED_WORDS: lambda _work: _is_helped(col(HelpMeasure.household_id))},
    ),
    PersonalRows(
        model=Clue,
        label="监测线索",
        find=lambda _work, subject: col(Clue.name_masked) == subject.name_masked,
        certain=lambda _work, subject: sa.func.coalesce(
            col(Clue.household_id).in_(_select_households(subject)), sa.false()
        ),
        name="name",
        phone="phone",
        opens=("name", "phone"),
        shows=("source", "received_on", "visited_on", "state"),
        withheld=("text",),
        empties={**NAMED, "phone_sealed": "", "text_sealed": ""},
        kept={VISIT_WORDS: lambda _work: col(Clue.state) == ClueState.OPEN},
    ),
    PersonalRows(
        model=SmallLoan,
        label="小额信贷",
        find=lambda _work, subject: subject.has_mark(col(SmallLoan.id_mark)),
        numbered=True,
        name="name",
        opens=("name", "id_no"),
        shows=("bank", "principal", "balance", "lent_on", "due_on", "purpose", "state"),
        empties={**NAMED, **NUMBERED, "purpose": ERASED_WORDS},
        kept={
            LENT_WORDS: lambda _work: col(SmallLoan.state).not_in((LoanState.SETTLED, LoanState.COMPENSATED))
        },
    ),
    PersonalRows(
        model=HelpJob,
        label="帮扶岗位",
        find=lambda _work, subject: subject.has_mark(col(HelpJob.id_mark)),
        numbered=True,
        name="name",
        opens=("name", "id_no"),
        shows=("kind", "post", "employer", "starts_on", "left_on", "pay", "state"),
        empties={**NAMED, **NUMBERED},
        kept={AT_WORK_WORDS: lambda _work: col(HelpJob.state) == JobState.HELD},
    ),
)


ACCOUNT_COPIES = AccountCopies(
    duties=(
        AccountDuty(
            model=Household,
            label="联系的监测户",
            account="cadre",
            is_open=lambda _work: col(Household.state).in_((*UNDER_WAY, *HELPED)),
        ),
        AccountDuty(
            model=Clue,
            label="待核查的线索",
            account="assignee",
            is_open=lambda _work: col(Clue.state) == ClueState.OPEN,
        ),
        alert_duty(ALERTS),
    ),
    rows=(
        AccountRows(model=Household, account="cadre", empties={"cadre_name": ACCOUNT_NAME}),
        import_rows(HouseholdImport),
    ),
)
"""What is kept of people with accounts: who helps a household, who imported a table."""
