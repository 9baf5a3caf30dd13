"""Public schema of an asset, read by its code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class AssetCard(BaseModel):
    """扫码所见: without household names, phone numbers and household amounts."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    class_label: str
    subclass: str
    subclass_label: str
    built_on: date | None
    address: str
    owner: str = Field(description="所有权人; 农户只显示姓")
    original_value: str = Field(description="原值, 元; 到户类不显示")
    project_name: str
    keeper: str = Field(description="管护单位")
    use_label: str
    inspected_on: date | None = Field(description="最近一次巡查日期")
    report_to: str = Field(description="报修地址, 不需要登录")


@dataclass(frozen=True)
class Label:
    """Content of a label."""

    code: str
    name: str
    class_label: str
    owner: str
    url: str


@dataclass(frozen=True)
class Certificate:
    """Content of a certificate."""

    number: str
    code: str
    name: str
    holder: str
    value: str
    facts: Sequence[tuple[str, str]]
    """(label, value) rows, in order."""
    funding: Sequence[tuple[str, str, str]]
    """(document number, level and fund, amount in 元) of each funding source."""
    issuer: str
    issued_on: str
    url: str
