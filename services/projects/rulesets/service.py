"""Rule sets: drafted from what is in force, checked whole, tried over the library, activated by a second person."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.projects.rescreening import repository as jobs
from services.projects.rescreening import service as rescreening
from services.projects.rescreening.schemas import JobRead
from services.projects.rulesets import repository
from services.projects.rulesets.schemas import (
    Activated,
    Row,
    RuleSetChange,
    RuleSetDecision,
    RuleSetDraft,
    RuleSetItem,
)
from services.projects.screening import service as screening
from services.projects.screening.grammar import GRAMMAR_SETS
from services.projects.screening.kinds import JobKind, SetState
from services.projects.screening.lexicon import Pattern
from services.projects.screening.models import Job, RuleSetRow
from services.projects.screening.rules import InvalidRules, RuleSet, read_words
from shared.access import NATION
from shared.contracts.projects import ScreeningRulesMoved
from shared.creates import create
from shared.errors import Conflict, Fault, Forbidden, Invalid, NotReady, Refusal
from shared.http import Match
from shared.ids import new_id
from shared.permissions import May
from shared.work import Context, Work

MOST_RULES = 500


async def remember_built_in(context: Context) -> None:
    """Keep the rules of this release, so that every digest a screening names can be read; done at each start."""
    rules, words = screening.source()
    try:
        async with context.database.write() as session:
            work = context.work(session)
            if await repository.system_known(work, screening.built_in().version):
                return
            session.add(
                RuleSetRow(
                    id=new_id(),
                    region=NATION,
                    created_at=work.at,
                    created_by=work.actor.id,
                    updated_at=work.at,
                    number=await repository.next_number(work, NATION),
                    title="随版本内置的筛查规则",
                    state=SetState.BUILT_IN,
                    digest=screening.built_in().version,
                    rules=rules,
                    words=words,
                )
            )
    except Conflict:
        return  # another replica started at the same moment and keeps the same


async def draft(work: Work, body: RuleSetDraft) -> RuleSetRow:
    """A draft from the rules in force in a region; Invalid names every fault with its place."""
    work.actor.require(May.RULE_MANAGE, body.region)
    base = await repository.active(work, body.region)
    rules, words = (base.rules, base.words) if base else screening.source()
    rules, words, digest = _edited(rules, words, body)
    row, _ = await create(
        work,
        RuleSetRow,
        body,
        region=body.region,
        id=body.id,
        number=await repository.next_number(work, body.region),
        title=body.title,
        reason=body.reason,
        state=SetState.DRAFT,
        digest=digest,
        base_digest=base.digest if base else screening.built_in().version,
        rules=rules,
        words=words,
    )
    return row


async def change(work: Work, rule_set_id: UUID, body: RuleSetChange, match: Match) -> RuleSetRow:
    """Edit a draft further; a trial made before no longer counts."""
    row = await _draft(work, rule_set_id)
    match.require(row)
    row.rules, row.words, row.digest = _edited(row.rules, row.words, body)
    row.title, row.reason = body.title or row.title, body.reason or row.reason
    return _touched(work, row)


async def try_out(work: Work, rule_set_id: UUID) -> Job:
    """Begin to screen the whole library by the draft, beside the rules in force; nothing of a project changes."""
    row = await _draft(work, rule_set_id)
    return await rescreening.begin(work, JobKind.TRIAL, row.region, rule_set=row, digest=row.digest)


async def activate(work: Work, rule_set_id: UUID, body: RuleSetDecision, match: Match) -> Activated:
    """Put a draft in force and begin to screen the library again; NotReady without a finished trial of these rules."""
    row = await _draft(work, rule_set_id)
    match.check(row)
    if row.created_by == work.actor.id:
        raise Forbidden("不能启用本人起草的规则, 须由另一人办理", "Four eyes: another person must")
    if await jobs.trial(work, row.id, row.digest) is None:
        detail = "启用前须用这份草稿对全库试算并看过结果"
        raise NotReady(detail, faults=[Fault("no_trial", detail, "Try these rules over the library first")])
    before = await repository.active(work, row.region, lock=True)
    if before is not None and before.region == row.region:
        before.state, before.retired_at = SetState.RETIRED, work.at
        _touched(work, before)
    row.state, row.activated_at, row.activated_by = SetState.ACTIVE, work.at, work.actor.id
    _touched(work, row)
    await work.session.flush()
    await _tell(work, row, SetState.DRAFT, body.reason)
    job = await rescreening.begin(work, JobKind.RESCREEN, row.region, rule_set=row, digest=row.digest)
    return Activated(rule_set=RuleSetItem.model_validate(row), job=JobRead.model_validate(job))


async def discard(work: Work, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetRow:
    """A draft that will not be used."""
    row = await _draft(work, rule_set_id)
    row.state = SetState.DISCARDED
    _touched(work, row)
    await _tell(work, row, SetState.DRAFT, body.reason)
    return row


async def retire(work: Work, rule_set_id: UUID, body: RuleSetDecision) -> Activated:
    """Take an edited set out of force: the rules above it, in the end those of the release, hold again."""
    row = await repository.get(work, rule_set_id, lock=True)
    work.actor.require(May.RULE_MANAGE, row.region)
    if row.state is not SetState.ACTIVE:
        raise Conflict(f"规则集{row.state.label}", f"The rule set is {row.state}")
    row.state, row.retired_at = SetState.RETIRED, work.at
    _touched(work, row)
    await work.session.flush()
    await _tell(work, row, SetState.ACTIVE, body.reason)
    job = await rescreening.rescreen(work, row.region)
    return Activated(rule_set=RuleSetItem.model_validate(row), job=JobRead.model_validate(job))


async def _tell(work: Work, row: RuleSetRow, was: SetState, reason: str) -> None:
    event = ScreeningRulesMoved(
        rule_set_id=row.id, number=row.number, digest=row.digest, was=was, now=row.state
    )
    await work.tell(event, row, before={"state": was}, reason=reason)


async def _draft(work: Work, rule_set_id: UUID) -> RuleSetRow:
    row = await repository.get(work, rule_set_id, lock=True)
    work.actor.require(May.RULE_MANAGE, row.region)
    if row.state is not SetState.DRAFT:
        raise Conflict(f"规则集{row.state.label}, 不是草稿", f"The rule set is {row.state}")
    return row


def _touched(work: Work, row: RuleSetRow) -> RuleSetRow:
    row.version += 1
    row.updated_at = work.at
    work.session.add(row)
    return row


def _edited(
    rules: Sequence[Row], words: Mapping[str, Any], body: RuleSetDraft | RuleSetChange
) -> tuple[list[Row], dict[str, Any], str]:
    """The rules and words after the edit, and their digest."""
    put = {(str(one.get("id")), str(one.get("effective_from"))) for one in body.put}
    kept = [
        one for one in rules if one["id"] not in body.remove and (one["id"], one["effective_from"]) not in put
    ]
    after = {name: found for name, found in (dict(words) | body.words).items() if found is not None}
    edited = [*kept, *body.put]
    if len(edited) > MOST_RULES:
        raise Invalid(f"规则不能超过 {MOST_RULES} 条", "Too many rules")
    try:
        sets = read_words(after)
    except Pattern as error:
        raise _refused("/words", str(error)) from error
    if lost := [name for name in GRAMMAR_SETS if not sets.get(name)]:
        raise _refused("/words", f"这些词组不能删去: {'、'.join(lost)}")
    try:
        return edited, after, RuleSet.parse(edited, sets).version
    except InvalidRules as error:
        faults = [
            Fault("rule", one.message, one.message, f"/put/{one.index - len(kept)}{one.pointer}")
            if one.index >= len(kept)
            else Fault("rule", f"{one.rule}: {one.message}", one.message, "/words")
            for one in error.faults[:50]
        ]
        raise Invalid("规则有误", "The rules are not valid", faults=faults) from error


def _refused(pointer: str, detail: str) -> Refusal:
    return Invalid(detail, detail, faults=[Fault("words", detail, detail, pointer)])
