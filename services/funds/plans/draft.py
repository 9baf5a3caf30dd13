"""What the dated rules look at: the lines of a plan with their projects and sources, and the year's other money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID


@dataclass(frozen=True)
class LineFacts:
    """A line with what its project and source are."""

    id: UUID
    name: str
    amount: int
    source_id: UUID
    project_id: UUID
    level: str
    task: str
    category: str
    industry: bool
    management_fee: bool
    project_state: str | None
    blocked: bool = False
    state_label: str = ""
    readiness: tuple[str, ...] = ()
    region: str = ""
    industry_basis: str = ""
    allocation_id: UUID | None = None


@dataclass(frozen=True)
class SourceFacts:
    """A source with what is left of it; `available` does not count what this plan itself holds."""

    id: UUID
    document_no: str
    level: str
    amount: int
    available: int
    received_on: date


@dataclass(frozen=True)
class Given:
    """Money of one level given in a year, in 分: all of it, to industry, to management fees."""

    total: int = 0
    industry: int = 0
    fee: int = 0


@dataclass(frozen=True)
class Draft:
    """Everything the rules look at."""

    on: date
    lines: Sequence[LineFacts]
    sources: Mapping[UUID, SourceFacts]
    announced_total: int | None = None
    year: Mapping[str, Given] = field(default_factory=dict)
    """Level → what the year's other decided plans gave."""
    recallable: Mapping[UUID, int] = field(default_factory=dict)
    """Allocation → what of it is neither paid nor applied for."""
    funded_before: Mapping[UUID, int] = field(default_factory=dict)
    library_silent: bool = False
