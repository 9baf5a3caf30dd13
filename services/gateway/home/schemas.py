"""Response body of the home page."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from services.gateway.fan_out import MissingPart
from shared.records.own_data import OwnData
from shared.records.worklist import WorkRow


class RoleRead(BaseModel):
    """角色与辖区."""

    role: str
    label: str
    region: str


class TodoItem(BaseModel):
    """一类待办: 件数和列出这些记录的地址."""

    key: str
    label: str
    service: str
    kind: str = ""
    state: str = ""
    count: int
    late: int = Field(0, description="其中已逾期的")
    near: int = Field(0, description="其中临近期限的")
    oldest: datetime | None = Field(None, description="等得最久的从何时起")
    rows: str = Field(description="这些记录的地址")


class WorkRowRead(WorkRow):
    """等待办理的一条记录和所在的服务."""

    service: str

    def urgency(self) -> tuple[bool, date, datetime]:
        """What orders rows: late ones first, then by deadline, then by how long they wait."""
        return not self.late, self.due_on or date.max, self.since


class HomeShortcutRead(BaseModel):
    """常用办理."""

    label: str
    service: str
    method: str
    address: str


class Home(BaseModel):
    """首页."""

    person: str
    name: str
    organisation: str
    roles: list[RoleRead]
    today: date
    inbox: list[TodoItem] = Field(description="待办, 数量为零的不列")
    waiting: int = Field(description="待办合计")
    late: int = Field(description="其中已逾期的")
    first: list[WorkRowRead] = Field(description="最急的几条, 逾期的在前")
    shortcuts: list[HomeShortcutRead]
    missing: list[MissingPart] = Field(description="暂时联系不上的服务; 它们的待办不在其中")


class OwnDataOfAll(BaseModel):
    """本人信息副本."""

    person: str
    name: str
    made_at: datetime
    account: dict[str, Any] = Field(description="账号和授权、会话、设备、双因素")
    services: list[OwnData]
    missing: list[MissingPart] = Field(description="暂时联系不上的服务; 它们保存的信息不在其中")
