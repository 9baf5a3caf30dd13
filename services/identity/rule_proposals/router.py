"""`/identity/rule-proposals`: versions of security rules that wait for a second person."""

from uuid import UUID

from fastapi import APIRouter

from services.identity.rule_proposals import repository, service
from services.identity.rule_proposals.lifecycle import PROPOSAL_LIFECYCLE, ProposalAction, ProposalState
from services.identity.rule_proposals.models import RuleProposal
from services.identity.rule_proposals.schemas import ProposalCreate, ProposalDetail, ProposalRead
from shared.auth import May
from shared.errors import BadRequest, Conflict, Invalid, NotFound
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest, moves
from shared.records import RecordKind, turn

router = APIRouter(prefix="/identity/rule-proposals", tags=["规则"], route_class=Route)


@router.get("", response_model=Page[ProposalRead], **requires(May.SECURITY_MANAGE, refuses=(BadRequest,)))
async def list_proposals(
    work: ReadWork, params: Pagination, state: ProposalState | None = None
) -> Page[RuleProposal]:
    """安全规则的修改, 新的在前."""
    return await repository.list_proposals(work, params, state)


@router.post(
    "",
    status_code=201,
    response_model=ProposalRead,
    **requires(May.SECURITY_MANAGE, refuses=(NotFound, Conflict, Invalid)),
)
async def propose_rule(work: WriteWork, body: ProposalCreate) -> RuleProposal:
    """提出安全规则的新版本, 另一名安全管理员确认后生效."""
    return await service.create_proposal(work, body)


@router.get(
    "/{proposal_id}",
    response_model=ProposalDetail,
    **requires(May.SECURITY_MANAGE, refuses=(NotFound,)),
)
async def read_proposal(work: ReadWork, proposal_id: UUID) -> ProposalDetail:
    """一项安全规则修改和可办事项."""
    return await service.get_proposal_detail(work, proposal_id)


@router.post(
    "/{proposal_id}/{action}",
    response_model=ProposalRead | TransitionPreview,
    **moves(PROPOSAL_LIFECYCLE),
)
async def act_on_proposal(
    work: WriteWork,
    proposal_id: UUID,
    action: ProposalAction,
    body: TransitionRequest,
    match: IfMatch,
    *,
    dry_run: bool = False,
) -> RuleProposal | TransitionPreview:
    """确认或否决; `dry_run` 只问能否办理."""
    return await service.transition_proposal(work, proposal_id, action, body, match=match, dry_run=dry_run)


RULE_PROPOSAL_KIND = RecordKind(
    name="rule_proposal",
    label="安全规则修改",
    path="/identity/rule-proposals",
    model=RuleProposal,
    read=ProposalRead,
    may=May.SECURITY_MANAGE,
    title="key",
    columns=(
        "title",
        "proposed",
        "effective_from",
        "basis",
        "created_by",
        "created_at",
        "state",
        "decided_by",
    ),
    filters=("state",),
    lifecycle=PROPOSAL_LIFECYCLE,
    topics=("rule_proposal.moved",),
    turns=(turn(ProposalState.PROPOSED, ProposalAction.CONFIRM, "待确认的安全规则修改"),),
)
