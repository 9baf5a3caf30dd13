"""Response schemas of project warnings."""

from datetime import date

from pydantic import BaseModel, Field

from services.projects.projects.schemas import ProjectRow


class WarningCount(BaseModel):
    """一条预警规则和命中的项目数."""

    rule: str = Field(examples=["late"])
    title: str
    basis: str
    confirmed: bool
    rule_version: str
    owner: str = Field(description="责任角色")
    owner_label: str
    days: int = Field(description="多少天后预警")
    count: int
    past_deadline: int = Field(description="已过处理期限的项目数")
    rows: str = Field(description="这个数所含项目的地址")


class WarningCounts(BaseModel):
    """各条预警规则的命中数."""

    region: str
    on: date
    items: list[WarningCount]


class WarningItem(ProjectRow):
    """一个被预警的项目."""

    rule: str
    rule_version: str
    since: date = Field(description="从哪一天算起")
    waiting_days: int
    owner: str
    owner_label: str
    deadline: date = Field(description="处理期限")
    detail: str
