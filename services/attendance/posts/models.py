"""Tables of posts, assignments and registered phones."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.posts.lifecycle import DeviceState
from services.attendance.posts.schemas import PostKind
from shared.db import JSON, Record, text_enum


class Post(Base, Record, table=True):
    """驻村点. Fences are stored in the JSON form of shared.china (fence_to_json), WGS-84."""

    __table_args__ = (
        sa.Index("ix_post_region_name_id", "region", "name", "id"),
        sa.Index(None, "updated_at"),
    )

    name: str = Field(max_length=100)
    kind: PostKind = Field(sa_type=text_enum(PostKind))
    fences: list[dict[str, Any]] = Field(sa_type=JSON)
    former_fences: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON)
    """Fences that were replaced, the oldest first: {"until": instant, "fences": […]}."""
    address: str = Field(default="", max_length=200)
    closed_on: date | None = None


class Assignment(Base, Record, table=True):
    """派驻. The region is the post's."""

    __table_args__ = (
        sa.Index("ix_assignment_person_starts_on", "person", "starts_on"),
        sa.Index("ix_assignment_post_id_starts_on_id", "post_id", "starts_on", "id"),
        sa.Index("ix_assignment_region_starts_on_id", "region", "starts_on", "id"),
        sa.Index(None, "updated_at"),
    )

    post_id: UUID = Field(foreign_key="post.id")
    person: str = Field(max_length=64)
    person_name: str = Field(max_length=50)
    starts_on: date
    ends_on: date | None = None
    group_id: UUID | None = Field(default=None, foreign_key="attendance_group.id")
    """The attendance group whose membership gave it."""


class Device(Base, Record, table=True):
    """常用手机."""

    __tablename__ = "device"
    __table_args__ = (
        sa.UniqueConstraint("person", "device"),
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "person", "created_at", "id"),
    )

    person: str = Field(max_length=64)
    device: str = Field(max_length=64)
    state: DeviceState = Field(sa_type=text_enum(DeviceState))
    state_since: datetime
