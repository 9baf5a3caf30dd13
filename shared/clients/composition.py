"""What a service declares for the pages that are composed of several services: key figures, threads, public notices."""

from pydantic import BaseModel, ConfigDict, Field

COMPOSITION_PATH = "/internal/composition"
SUMMARY_PAGE, ALERTS_PAGE = "summary", "alerts/summary"
"""Addresses of a service, below its name, that contain figures."""
OF_TOWNS = "_of_towns"
"""What the key of a rate has at its end for the average of a county's towns, which stands beside it."""
LINK = "project_id"
"""A thread runs through projects: other records lead to projects, and by a project everything is found."""


class Figure(BaseModel):
    """A key figure of the overview; `path` is the sequence of JSON keys that leads to its value in the page of the service."""

    model_config = ConfigDict(frozen=True)

    rank: int = Field(description="the order on the overview")
    key: str
    path: tuple[str, ...]
    label: str
    unit: str
    page: str = SUMMARY_PAGE


class ThreadPage(BaseModel):
    """An address that answers lists of a thread.

    `by` is the id it takes, in its path or as a parameter. `lists` are the names in the thread with their keys in the answer,
    "" for the whole answer. `leads_to` is the key of the projects that the record belongs to.
    """

    model_config = ConfigDict(frozen=True)

    address: str
    by: str
    lists: dict[str, str]
    leads_to: str = ""
    limit: int | None = None


class StepSpec(BaseModel):
    """How the records of one list become steps; the first filled day field gives the date."""

    model_config = ConfigDict(frozen=True)

    rank: int = Field(description="the order within a day")
    list_name: str
    label: str
    address: str
    text_fields: tuple[str, ...]
    amount_field: str = ""
    day_fields: tuple[str, ...]


class Composition(BaseModel):
    """A service's part in composed pages; `thread_kinds` are the records a thread may start from, with their words."""

    model_config = ConfigDict(frozen=True)

    figures: tuple[Figure, ...] = ()
    thread_kinds: dict[str, str] = {}
    thread_pages: tuple[ThreadPage, ...] = ()
    thread_steps: tuple[StepSpec, ...] = ()
    yearly: bool = Field(
        True, description="whether its summary is that of a year; assets are all that there are"
    )
    notices: bool = Field(False, description="whether it has public notices; found from its routes")
