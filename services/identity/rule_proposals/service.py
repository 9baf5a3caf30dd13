"""Propose a version of a security rule, and confirm or reject it as a second person."""

from uuid import UUID

from services.identity.rule_proposals import repository
from services.identity.rule_proposals.events import RuleProposalMoved
from services.identity.rule_proposals.lifecycle import (
    PROPOSAL_LIFECYCLE,
    ProposalAction,
    ProposalFacts,
    ProposalState,
)
from services.identity.rule_proposals.models import RuleProposal
from services.identity.rule_proposals.schemas import ProposalCreate, ProposalDetail, ProposalRead
from shared.errors import Conflict, FieldError, Invalid
from shared.http import VersionMatch
from shared.lifecycle.transitions import (
    TransitionPreview,
    TransitionRequest,
    apply_transition,
    available_actions,
)
from shared.records import create_record, log_event
from shared.rules import RuleEntry
from shared.rules.service import check_entry, require_key, save_rule_version
from shared.unit_of_work import UnitOfWork


async def create_proposal(work: UnitOfWork, body: ProposalCreate) -> RuleProposal:
    """Propose a version that takes effect from today or later. Invalid points at a field; Conflict while another one waits."""
    key = require_key(work.context.rules.registry, body.key)
    work.actor.require(work.context.rules.registry.get_permission(key), body.region)
    if not key.needs_second_person:
        raise Conflict(
            f"规则 {key.key} 不须第二人确认, 请提交到规则地址", f"{key.key} needs no second person"
        )
    check_entry(key, body)
    if body.effective_from < work.today:
        fault = FieldError(
            "past", "安全规则不能补记, 生效日期不早于今天", "lies in the past", "/effective_from"
        )
        raise Invalid(fault.detail, fault.detail_en, errors=[fault])
    proposal, is_new = await create_record(
        work,
        RuleProposal,
        body,
        region=body.region,
        id=body.id,
        key=body.key,
        entry=body.model_dump(mode="json", exclude={"id"}),
        state=ProposalState.PROPOSED,
        state_since=work.at,
    )
    if is_new:
        if await repository.find_open_proposal(work, body.key, body.region, proposal.id):
            raise Conflict(f"规则 {body.key} 已有一项修改等待确认", "Another proposal of this rule waits")
        await log_event(work, proposal, _build_event(proposal, ProposalState.PROPOSED))
    return proposal


async def get_proposal_detail(work: UnitOfWork, proposal_id: UUID) -> ProposalDetail:
    """A proposal and what the caller can do with it."""
    proposal = await repository.get_proposal(work, proposal_id)
    actions = available_actions(work, PROPOSAL_LIFECYCLE, proposal, ProposalFacts(reason="-"))
    return ProposalDetail(**ProposalRead.model_validate(proposal).model_dump(), available_actions=actions)


async def transition_proposal(
    work: UnitOfWork,
    proposal_id: UUID,
    action: ProposalAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | RuleProposal:
    """Confirm, which makes the version of the rule, or reject."""
    proposal = await repository.get_proposal(work, proposal_id, lock=True)
    preview = await apply_transition(
        work,
        PROPOSAL_LIFECYCLE,
        proposal,
        action,
        ProposalFacts(body.reason),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, _now: _build_event(proposal, was),
    )
    if preview is not None:
        return preview
    proposal.decided_by = work.actor.id
    if action is ProposalAction.CONFIRM:
        key = require_key(work.context.rules.registry, proposal.key)
        saved = await save_rule_version(work, key, RuleEntry.model_validate(proposal.entry))
        proposal.rule_version = saved.version
    work.session.add(proposal)
    return proposal


def _build_event(proposal: RuleProposal, was: ProposalState) -> RuleProposalMoved:
    return RuleProposalMoved(proposal_id=proposal.id, key=proposal.key, was=was, now=proposal.state)
