"""The first answer of a phone's day."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class BootstrapRole(BaseModel):
    """一个角色."""

    role: str
    label: str
    region: str


class BootstrapPerson(BaseModel):
    """本人."""

    id: str
    name: str
    organisation: str
    roles: list[BootstrapRole]
    may: list[str] = Field(description="本人的权限")


class BootstrapTodo(BaseModel):
    """一类待办."""

    service: str
    key: str
    label: str
    kind: str
    count: int
    late: int
    rows: str


class Bootstrap(BaseModel):
    """开工所需: 本人、派驻点与围栏、今天和以后七天的开关与界限、代码集、全年日历、待办、服务器时间."""

    server_time: datetime
    me: BootstrapPerson
    field: dict[str, Any] | None = Field(
        description="posts, rules and calendar of attendance (FieldDaysRead); null when attendance is missing"
    )
    codes: dict[str, dict[str, str]] = Field(description="代码集 → 代码 → 名称")
    todo: list[BootstrapTodo]
    first: list[dict[str, Any]] = Field(description="最急的几条")
    missing: list[str] = Field(description="暂时联系不上的服务")
