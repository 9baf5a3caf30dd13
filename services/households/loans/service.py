"""Use cases of small loans: enter by the bank's ledger, pay back, extend, report another use, settle."""

from datetime import date
from uuid import UUID

from services.households.clues.service import require_village
from services.households.households import repository as households
from services.households.loans import repository
from services.households.loans.events import SmallLoanChanged, SmallLoanMoved, SmallLoanOpened
from services.households.loans.lifecycle import LOAN, OPEN_STATES, LoanAction, LoanFacts, LoanState
from services.households.loans.models import SmallLoan
from services.households.loans.schemas import (
    LoanChange,
    LoanCreate,
    LoanDetail,
    LoanRead,
    LoanTransitionRequest,
    PersonRead,
)
from services.households.personal import mark_person, seal_person, unseal
from services.households.policy import LOAN_TERMS, LoanTerms
from shared.auth import May
from shared.china import add_months, birth_date, format_yuan, parse_yuan
from shared.db import new_id
from shared.errors import Conflict, FieldError, Invalid, NotFound, invalid_field
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record, log_event, save_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


def _list_breaches(body: LoanCreate, terms: LoanTerms, owed: int, today: date) -> list[FieldError]:
    """What of a loan breaks the terms in force on the day it was lent. `owed`: other open loans of the household, 分."""
    found = []
    most = parse_yuan(terms.most)
    if body.principal > most:
        words = f"超过 {format_yuan(most)} 元的上限, 请与银行核对"
        found.append(FieldError("above_most", words, "Above the limit", "/principal"))
    elif body.principal + owed > most:
        words = f"本户还有未还贷款 {format_yuan(owed)} 元, 合计超过 {format_yuan(most)} 元的上限"
        found.append(FieldError("above_most", words, "Above the limit of a household", "/principal"))
    if body.lent_on > today:
        found.append(FieldError("in_the_future", "放款日不能晚于今天", "In the future", "/lent_on"))
    elif not body.lent_on < body.due_on <= add_months(body.lent_on, terms.months):
        words = f"到期日须晚于放款日, 期限不超过 {terms.months} 个月"
        found.append(FieldError("bad_term", words, "Bad term", "/due_on"))
    if (body.principal if body.balance is None else body.balance) > body.principal:
        found.append(FieldError("above_principal", "余额不能超过贷款金额", "Above the loan", "/balance"))
    born = birth_date(body.id_no)
    age = body.lent_on.year - born.year - ((body.lent_on.month, body.lent_on.day) < (born.month, born.day))
    if not terms.least_age <= age <= terms.most_age:
        words = f"放款时 {age} 岁, 借款人须为 {terms.least_age} 至 {terms.most_age} 岁"
        found.append(FieldError("bad_age", words, "Bad age", "/id_no"))
    if word := next((word for word in terms.forbidden if word in body.purpose), ""):
        words = f"贷款只能用于发展生产, 不得用于“{word}”"
        found.append(FieldError("forbidden_use", words, "Forbidden use", "/purpose"))
    return found


async def create_loan(work: UnitOfWork, body: LoanCreate) -> SmallLoan:
    """Enter a loan of a village's household. Invalid where it breaks the rule households.loan_terms."""
    work.actor.require(May.HELP_ENTER, body.region)
    await require_village(work, body.region)
    return await insert_loan(work, body, LoanState.LENT)


async def insert_loan(work: UnitOfWork, body: LoanCreate, state: LoanState) -> SmallLoan:
    """Insert a loan whose region is known; the terms are those of the day it was lent."""
    try:
        terms = await work.get_rule(LOAN_TERMS, on=body.lent_on, region=body.region)
    except NotFound as error:
        raise invalid_field("before_the_policy", error.detail, "/lent_on", "No terms on that day") from None
    await households.system_lock_help(work)
    owed = 0
    if state in OPEN_STATES:
        owed = await repository.system_sum_open(work, mark_person(work, body.id_no))
    known = await repository.system_list_by_mark(work, [mark_person(work, body.id_no)])
    if any((one.bank, one.lent_on) == (body.bank, body.lent_on) and one.id != body.id for one in known):
        raise Conflict("这个人同一天在这家银行的贷款已登记", "The loan is known")
    if body.id is None or all(one.id != body.id for one in known):
        if errors := _list_breaches(body, terms.value, owed, work.today):
            raise Invalid(errors[0].detail, "The loan breaks the terms", errors=errors)
    loan_id = body.id or new_id()
    loan, _ = await create_record(
        work,
        SmallLoan,
        body,
        event=lambda loan: SmallLoanMoved(loan_id=loan.id, was="", now=loan.state),
        region=body.region,
        id=loan_id,
        balance=body.principal if body.balance is None else body.balance,
        rule_ref=terms.ref,
        state=state,
        state_since=work.at,
        **seal_person(work, "small_loan", loan_id, body.name, body.id_no),
        **body.model_dump(exclude={"id", "region", "name", "id_no", "balance"}, mode="python"),
    )
    return loan


async def update_loan(work: UnitOfWork, loan_id: UUID, body: LoanChange, match: VersionMatch) -> SmallLoan:
    """Enter what was paid back and what interest was subsidised. Conflict for a loan that is settled."""
    loan = await repository.get_loan(work, loan_id, lock=True)
    work.actor.require(May.HELP_ENTER, loan.region)
    match.require_version(loan)
    if loan.state not in OPEN_STATES:
        raise Conflict(f"贷款{loan.state.label}, 不能再登记还款", f"The loan is {loan.state}")
    if body.balance is not None and body.balance > loan.balance:
        raise invalid_field("rising", f"余额不能超过现在的 {format_yuan(loan.balance)} 元", "/balance")
    if body.subsidy is not None and body.subsidy < loan.subsidy:
        raise invalid_field("falling", f"已贴息 {format_yuan(loan.subsidy)} 元, 只能增加", "/subsidy")
    changes = {name: getattr(body, name) for name in body.model_fields_set if getattr(body, name) is not None}
    before = {name: getattr(loan, name) for name in changes}
    for name, value in changes.items():
        setattr(loan, name, value)
    await save_record(work, loan, SmallLoanChanged(loan_id=loan.id, fields=sorted(changes)), before=before)
    return loan


async def open_loan(work: UnitOfWork, loan_id: UUID, purpose: str) -> PersonRead:
    """The borrower in clear; the reading and its purpose are logged as an event."""
    loan = await repository.get_loan(work, loan_id)
    work.actor.require(May.HOUSEHOLD_OPEN, loan.region)
    await log_event(work, loan, SmallLoanOpened(loan_id=loan.id, purpose=purpose))
    return PersonRead(name=unseal(work, loan, "name"), id_no=unseal(work, loan, "id_no"))


async def _collect_facts(work: UnitOfWork, loan: SmallLoan, body: LoanTransitionRequest) -> LoanFacts:
    terms = (await work.get_rule(LOAN_TERMS, on=loan.lent_on, region=loan.region)).value
    return LoanFacts(
        on=(body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date(),
        due_on=loan.due_on,
        new_due_on=body.due_on,
        latest_due_on=add_months(loan.due_on, terms.months),
        extensions=max(0, terms.extensions - loan.extensions),
        settled_on=body.settled_on,
        lent_on=loan.lent_on,
        reason=body.reason,
    )


async def transition_loan(
    work: UnitOfWork,
    loan_id: UUID,
    action: LoanAction,
    body: LoanTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> LoanDetail | TransitionPreview:
    """Apply one transition to a loan; on `dry_run` return a preview instead."""
    loan = await repository.get_loan(work, loan_id, lock=True)
    preview = await apply_transition(
        work,
        LOAN,
        loan,
        action,
        await _collect_facts(work, loan, body),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: SmallLoanMoved(loan_id=loan.id, was=was, now=now),
    )
    if preview is not None:
        return preview
    if action is LoanAction.EXTEND and body.due_on is not None:
        loan.due_on, loan.extensions = body.due_on, loan.extensions + 1
    if action is LoanAction.SETTLE:
        loan.settled_on, loan.balance = body.settled_on, 0
    work.session.add(loan)
    return await get_loan_detail(work, loan)


async def get_loan_detail(work: UnitOfWork, loan: SmallLoan) -> LoanDetail:
    """A loan and the actions available to the caller."""
    facts = await _collect_facts(work, loan, LoanTransitionRequest.model_construct())
    return LoanDetail(
        **LoanRead.model_validate(loan).model_dump(),
        available_actions=available_actions(work, LOAN, loan, facts),
    )
