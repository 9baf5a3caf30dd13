"""What a template looks like."""

from pydantic import BaseModel, Field

from services.projects.library.schemas import CATEGORY, TargetWrite

__all__ = ["CATEGORY", "Template", "TemplateTarget"]


class TemplateTarget(TargetWrite):
    """一条模板指标; the value is an example to be replaced."""

    value: str = Field("", max_length=100)
    kind_label: str = ""


class Template(BaseModel):
    """一类项目的绩效目标模板."""

    category: str = Field(description="模板所属类型; 空为通用模板")
    rule: str
    basis: str
    confirmed: bool
    items: list[TemplateTarget]
