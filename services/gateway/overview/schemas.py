"""Response body of the overview."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.fan_out import MissingPart


class Headline(BaseModel):
    """一项关键指标: label, value, unit, and the address it comes from."""

    key: str
    label: str
    value: str
    unit: str
    shown: str = Field(description="供阅读的写法: 金额为万元, 如 1234.56 万元")
    last_year: str | None = Field(description="上年同一指标的值; 不按年度的为空")
    district: str | None = Field(description="比率指标: 全县的值, 供镇村对照; 本身是县级或无权查看时为空")
    towns: str | None = Field(description="比率指标: 全县各乡镇的平均值(每镇算一次); 无权查看时为空")
    source: str = Field(description="出处, 可打开核对")


class Overview(BaseModel):
    """一个地区一年. Each further field is a service by its name, with its summary (见 /{服务}/summary) or null."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[str, Any] | None]

    region: str
    region_name: str = Field(description="区划名称; 区划服务暂不可用时为空")
    year: int
    made_at: datetime
    headlines: list[Headline]
    alerts: dict[str, dict[str, Any]] = Field(description="各服务的预警统计, 见 /{服务}/alerts/summary")
    missing: list[MissingPart] = Field(description="暂时联系不上的服务")
    withheld: list[MissingPart] = Field(description="您的角色不能查看的部分")


class MapRead(BaseModel):
    """地图: what the installation has been given to draw; a map carries its 审图号."""

    tiles: str = Field(description="瓦片地址, 含 {z} {x} {y}; 空为没有底图")
    outlines: list[dict[str, Any]] = Field(description="界线: GeoJSON 的 Feature, WGS-84")
    review_number: str = Field(description="审图号")
