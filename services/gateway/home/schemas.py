"""Response body of the home page."""

from datetime import date

from pydantic import BaseModel, Field

from services.gateway.fan_out import MissingPart


class RoleRead(BaseModel):
    """角色与辖区."""

    role: str
    label: str
    region: str


class TodoItem(BaseModel):
    """一类待办: the count, and the address that lists exactly these records."""

    key: str
    label: str
    service: str
    count: int
    rows: str = Field(description="这些记录的地址")


class ShortcutRead(BaseModel):
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
    shortcuts: list[ShortcutRead]
    missing: list[MissingPart] = Field(description="暂时联系不上的服务; 它们的待办不在其中")
