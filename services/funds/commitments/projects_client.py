"""Registration and release of commitments with the projects service."""

from dataclasses import dataclass
from uuid import UUID

from shared.china import format_yuan
from shared.errors import NotFound
from shared.unit_of_work import ServiceClient


@dataclass(frozen=True)
class CommitmentRequest:
    """Commitment of one plan line: amount in 分 for one project."""

    id: UUID
    plan_id: UUID
    project_id: UUID
    amount: int
    document_no: str


async def register_commitment(peer: ServiceClient, request: CommitmentRequest) -> None:
    """Register a commitment with the projects service (idempotent PUT). Conflict if it refuses."""
    await peer.put(
        f"/api/v1/projects/{request.project_id}/commitments/{request.id}",
        json={
            "amount": format_yuan(request.amount),
            "plan_id": str(request.plan_id),
            "document_no": request.document_no,
        },
    )


async def release_commitment(peer: ServiceClient, project_id: UUID, commitment_id: UUID) -> None:
    """Release a commitment at the projects service; an unknown one counts as released."""
    try:
        await peer.delete(f"/api/v1/projects/{project_id}/commitments/{commitment_id}")
    except NotFound:
        return
