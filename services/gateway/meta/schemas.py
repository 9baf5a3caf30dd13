"""Schemas of the description of all services."""

from pydantic import BaseModel, Field

from services.gateway.fan_out import MissingPart
from shared.records.description import CodeRead, KindRead, LifecycleRead, SwitchRead


class ServiceLabel(BaseModel):
    """一个服务."""

    service: str
    label: str


class Meta(BaseModel):
    """本人能用的一切: 记录种类、代码集、生命周期、限制和开关."""

    services: list[ServiceLabel]
    kinds: list[KindRead]
    code_sets: dict[str, list[CodeRead]]
    lifecycles: list[LifecycleRead]
    switches: list[SwitchRead]
    missing: list[MissingPart] = Field(description="暂时联系不上的服务; 它们的种类不在其中")
