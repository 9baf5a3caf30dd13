"""Tables of projects, places, planned money, targets and the library code counter."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from services.projects.projects.guards import Procurement
from services.projects.projects.lifecycle import CONSTRUCTION_STATES, STAGE_OF_STATE, Stage, State
from services.projects.projects.schemas import ApplicantKind, Indicator, MoneyKind, Nature, Operator
from services.projects.screening.schemas import Budget, Land, PreparationStatus, Verdict
from shared.db import JSON, Fen, Record, text_enum

NOTICE_SUBJECT_KIND = "project"
"""What notices call a project."""
BLOCKED_CONDITION = "blocked"
UNFINISHED_CONDITION = "state NOT IN ('closed', 'withdrawn', 'terminated')"
WORKLIST_COLUMNS = (
    "origin",
    "created_by",
    "declared_by",
    "appraised_by",
    "completed_by",
    "evaluated_by",
    "allocated",
    "physical_percent",
)
"""Columns that decide whose worklist a project is on; included in the index so that counting reads the index only."""


def state_condition(*states: State) -> str:
    """Return the SQL condition of a partial index over states; queries must use the same text, or the planner skips the index."""
    return f"state IN ({', '.join(repr(state.value) for state in sorted(states))})"


def partial_index(where: str, name: str, *columns: str, include: tuple[str, ...] = ()) -> sa.Index:
    """Build a partial index of `project` that holds only the rows for which the condition is true."""
    condition: sa.ColumnElement[bool] = sa.literal_column(where)
    return sa.Index(
        f"ix_project_{name}",
        *columns,
        sqlite_where=condition,
        postgresql_where=condition,
        postgresql_include=list(include),
    )


class Project(Base, Record, table=True):
    """项目. `allocated`, `paid` and `handed_over_value` (分) are copied from events of funds and assets, which own the rows."""

    __tablename__ = "project"
    __table_args__ = (
        sa.UniqueConstraint("library_code"),
        sa.Index(None, "created_at", "id"),
        sa.Index(None, "updated_at", "id"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "updated_at", "id"),
        sa.Index(None, "state", "region", "id"),
        sa.Index(None, "year", "region", "id"),
        sa.Index(None, "category", "year", "created_at", "id"),
        sa.Index(None, "total", "id", "region"),
        sa.Index(None, "parent_id", "id"),
        sa.Index(None, "state", "state_since", "id"),
        # Worklists and warnings read small partial indexes; most rows are projects that are long finished.
        partial_index(BLOCKED_CONDITION, "blocked", "region", "year", "state", "category", "is_package"),
        partial_index(BLOCKED_CONDITION, "blocked_recent", "created_at", "id"),
        partial_index(UNFINISHED_CONDITION, "live", "state_since", "id"),
        partial_index(
            UNFINISHED_CONDITION, "waiting", "state", "region", "state_since", include=WORKLIST_COLUMNS
        ),
        partial_index(state_condition(State.RESERVE), "unplanned", "admitted_on", "id", "region"),
        partial_index(
            state_condition(State.RESERVE, State.PLANNED), "not_started", "allocated_on", "id", "region"
        ),
        partial_index(
            state_condition(State.PLANNED, *CONSTRUCTION_STATES), "late", "planned_end", "id", "region"
        ),
        partial_index(
            state_condition(State.PLANNED, *CONSTRUCTION_STATES), "behind", "schedule_due_on", "id", "region"
        ),
        partial_index(
            state_condition(State.PLANNED, *CONSTRUCTION_STATES),
            "payment_behind",
            "payment_due_on",
            "id",
            "region",
        ),
        partial_index(state_condition(*CONSTRUCTION_STATES), "silent", "heard_on", "id", "region"),
        partial_index(
            state_condition(*CONSTRUCTION_STATES),
            "paid",
            "paid_on",
            "id",
            "region",
            include=("paid", "allocated", "physical_percent"),
        ),
        partial_index(state_condition(State.COMPLETED), "not_accepted", "completed_on", "id", "region"),
        partial_index(
            state_condition(State.ACCEPTED, State.HANDED_OVER),
            "accepted",
            "accepted_on",
            "id",
            "region",
            include=("state", "evaluated_by"),
        ),
    )

    name: str = Field(max_length=300)
    content: str = Field(default="", sa_type=sa.Text)
    category: str = Field(max_length=20)
    category_label: str = Field(max_length=200)
    counts_as_industry: bool
    industry_reason: str = Field(default="", max_length=500)
    nature: Nature = Field(sa_type=text_enum(Nature))
    origin: ApplicantKind = Field(sa_type=text_enum(ApplicantKind))
    year: int
    parent_id: UUID | None = None
    is_package: bool = False
    place: str = Field(default="", max_length=500)
    lon: float | None = None
    lat: float | None = None
    planned_start: date | None = None
    planned_end: date | None = None
    managing_unit: str = Field(default="", max_length=200)
    implementing_unit: str = Field(default="", max_length=200)
    leader_name: str = Field(default="", max_length=60)
    leader_phone_sealed: str = Field(default="", sa_type=sa.Text)
    leader_phone: str = Field(default="", max_length=40)
    quantities: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    total: int = Field(sa_type=Fen)
    household: bool = False
    relocation: bool = False
    asset_income: bool = False
    collective_income: bool = False
    villages: int = 0
    households: int = 0
    people: int = 0
    poor_households: int = 0
    poor_people: int = 0
    goal: str = Field(default="", sa_type=sa.Text)
    participation: str = Field(default="", sa_type=sa.Text)
    linkage: str = Field(default="", sa_type=sa.Text)
    operator: str = Field(default="", max_length=200)
    land: Land | None = Field(default=None, sa_type=text_enum(Land))
    design: PreparationStatus | None = Field(default=None, sa_type=text_enum(PreparationStatus))
    environment: PreparationStatus | None = Field(default=None, sa_type=text_enum(PreparationStatus))
    budget: Budget | None = Field(default=None, sa_type=text_enum(Budget))
    remark: str = Field(default="", sa_type=sa.Text)

    state: State = Field(sa_type=text_enum(State))
    previous_state: State | None = Field(default=None, sa_type=text_enum(State))
    state_since: datetime
    declared_by: str = Field(default="", max_length=64)
    endorsed_by: str = Field(default="", max_length=64)
    appraised_by: str = Field(default="", max_length=64)
    approved_by: str = Field(default="", max_length=64)
    completed_by: str = Field(default="", max_length=64)
    evaluated_by: str = Field(default="", max_length=64)
    opinions: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    decision_no: str = Field(default="", max_length=100)
    decision_on: date | None = None
    library_code: str | None = Field(default=None, max_length=40)
    declared_on: date | None = None
    admitted_on: date | None = None
    plan_year: int | None = None
    screened_at: datetime | None = None
    verdict: str = Field(default="", max_length=20)
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    rules_version: str = Field(default="", max_length=40)
    blocked: bool = False

    allocated: int = Field(default=0, sa_type=Fen)
    allocated_on: date | None = None
    paid: int = Field(default=0, sa_type=Fen)
    paid_on: date | None = None
    procurement: Procurement | None = Field(default=None, sa_type=text_enum(Procurement))
    started_on: date | None = None
    physical_percent: int | None = None
    progressed_on: date | None = None
    heard_on: date | None = Field(default=None, description="day of the start or of the last progress report")
    schedule: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON)
    schedule_due_on: date | None = Field(
        default=None, description="end of the first planned month that asks for more than is built"
    )
    payment_due_on: date | None = Field(
        default=None, description="end of the first planned month that asks for more than is paid"
    )
    completed_on: date | None = None
    accepted_on: date | None = None
    settled: int = Field(default=0, sa_type=Fen)
    built: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    handed_over_on: date | None = None
    handed_over_value: int = Field(default=0, sa_type=Fen)
    uncovered_reason: str = Field(default="", sa_type=sa.Text)
    closed_on: date | None = None
    evaluation: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)

    @property
    def stage(self) -> Stage:
        """The stage of the current state."""
        return STAGE_OF_STATE[self.state]

    @property
    def state_label(self) -> str:
        """The Chinese label of the current state."""
        return self.state.label

    @property
    def verdict_label(self) -> str:
        """The Chinese label of the last screening's verdict; empty before the first."""
        return Verdict(self.verdict).label if self.verdict else ""


IS_BLOCKED: sa.ColumnElement[bool] = sa.literal_column(f"project.{BLOCKED_CONDITION}", sa.Boolean)
"""The condition of the partial indexes, in the same text: SQLite's planner does not know `blocked = 1` as `blocked`."""


class ProjectPlace(Base, table=True):
    """项目地点. WGS-84 coordinates with the original input in `given`; the first place is the project's own location."""

    __tablename__ = "project_place"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "position"),
        sa.Index(None, "lon", "lat"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    position: int
    region: str = Field(max_length=12)
    address: str = Field(default="", max_length=300)
    lon: float | None = None
    lat: float | None = None
    given: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class PlannedMoney(Base, table=True):
    """计划资金来源. The amounts (分) of a project add up to its total."""

    __tablename__ = "planned_money"
    __table_args__ = (sa.UniqueConstraint("project_id", "kind"), sa.Index(None, "kind", "project_id"))

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    kind: MoneyKind = Field(sa_type=text_enum(MoneyKind))
    amount: int = Field(sa_type=Fen)
    note: str = Field(default="", max_length=300)


class Target(Base, table=True):
    """绩效目标. One performance target that a project declares."""

    __tablename__ = "target"
    __table_args__ = (sa.UniqueConstraint("project_id", "position"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    position: int
    kind: Indicator = Field(sa_type=text_enum(Indicator))
    name: str = Field(max_length=200)
    operator: Operator = Field(sa_type=text_enum(Operator))
    value: str = Field(max_length=100)
    unit: str = Field(default="", max_length=40)
    core: bool = False


class CodeCounter(Base, table=True):
    """库编号的流水. The last serial number used per district and year."""

    __tablename__ = "code_counter"

    district: str = Field(primary_key=True, max_length=6)
    year: int = Field(primary_key=True)
    last: int
