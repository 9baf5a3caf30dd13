"""Response body of the overview."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.gateway.fan_out import MissingPart


class Headline(BaseModel):
    """一项关键指标: label, value, unit, and the address it comes from."""

    key: str
    label: str
    value: str
    unit: str
    source: str = Field(description="出处, 可打开核对")


class Overview(BaseModel):
    """一个地区一年."""

    region: str
    year: int
    made_at: datetime
    headlines: list[Headline]
    projects: dict[str, Any] | None = Field(description="项目统计, 见 /projects/summary")
    funds: dict[str, Any] | None = Field(description="资金统计, 见 /funds/summary")
    assets: dict[str, Any] | None = Field(description="资产统计, 见 /assets/summary")
    attendance: dict[str, Any] | None = Field(description="驻村统计, 见 /attendance/summary")
    alerts: dict[str, dict[str, Any]] = Field(description="各服务的预警统计, 见 /{服务}/alerts/summary")
    missing: list[MissingPart] = Field(description="暂时联系不上的服务")
    withheld: list[MissingPart] = Field(description="您的角色不能查看的部分")
