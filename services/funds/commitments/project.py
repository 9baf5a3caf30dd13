"""A project as funds needs to know it, whatever the library calls the fields."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class LibraryProject:
    """项目 as the library last described it; `physical_percent` None when it never reported progress."""

    id: UUID
    region: str
    name: str
    state: str
    category: str = ""
    category_label: str = ""
    code: str = ""
    place: str = ""
    content: str = ""
    unit: str = ""
    industry: bool = False
    blocked: bool = False
    physical_percent: int | None = None
    version: int = 0
    state_label: str = ""
    readiness: tuple[str, ...] = ()
    """What its last screening says is not ready yet, in words."""
