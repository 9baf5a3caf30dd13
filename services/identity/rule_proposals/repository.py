"""Queries over rule proposals."""

from uuid import UUID

from sqlmodel import col, select

from services.identity.rule_proposals.lifecycle import ProposalState
from services.identity.rule_proposals.models import RuleProposal
from shared.auth import May
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"created_at": col(RuleProposal.created_at)}


async def get_proposal(work: UnitOfWork, proposal_id: UUID, *, lock: bool = False) -> RuleProposal:
    """Get a proposal; raises NotFound outside the caller's regions."""
    scope = work.actor.scope_filter(May.SECURITY_MANAGE, col(RuleProposal.region))
    query = select(RuleProposal).where(RuleProposal.id == proposal_id, scope)
    proposal = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if proposal is None:
        raise NotFound("没有这项规则修改", "No such proposal")
    return proposal


async def find_open_proposal(work: UnitOfWork, key: str, region: str, except_id: UUID) -> RuleProposal | None:
    """Another proposal of the same rule and region that waits for its second person."""
    query = select(RuleProposal).where(
        RuleProposal.key == key,
        RuleProposal.region == region,
        RuleProposal.state == ProposalState.PROPOSED,
        RuleProposal.id != except_id,
    )
    return (await work.session.exec(query)).first()


async def list_proposals(
    work: UnitOfWork, params: PageParams, state: ProposalState | None
) -> Page[RuleProposal]:
    """A page of the proposals in the caller's regions, the newest first unless asked otherwise."""
    query = select(RuleProposal).where(work.actor.scope_filter(May.SECURITY_MANAGE, col(RuleProposal.region)))
    if state is not None:
        query = query.where(RuleProposal.state == state)
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(RuleProposal.id), default="-created_at"
    )
