"""Event of a rule proposal."""

from uuid import UUID

from shared.events import Event


class RuleProposalMoved(Event):
    """A version of a security rule was proposed, confirmed or rejected."""

    topic = "rule_proposal.moved"
    proposal_id: UUID
    key: str
    was: str
    now: str
