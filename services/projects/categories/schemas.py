"""Response schemas of categories and target templates."""

from pydantic import BaseModel, Field

from services.projects.projects.schemas import TargetWrite


class CategoryRead(BaseModel):
    """一个项目类型."""

    code: str = Field(examples=["1.1.1"])
    name: str
    label: str = Field(description="一级/二级/子类型")
    counts_as_industry: bool = Field(description="默认是否计入产业")
    leaf: bool = Field(description="是否子类型, 申报时须选到子类型")


class CategoryTree(BaseModel):
    """某日执行的项目类型."""

    rule: str = Field(examples=["category.tree@2"])
    basis: str
    confirmed: bool
    items: list[CategoryRead]


class TargetTemplateItem(TargetWrite):
    """一条模板指标; the value is an example that the declarer replaces."""

    value: str = Field("", max_length=100)
    kind_label: str = ""


class TargetTemplate(BaseModel):
    """一类项目的绩效目标模板."""

    category: str = Field(description="模板所属类型; 空为通用模板")
    rule: str
    basis: str
    confirmed: bool
    items: list[TargetTemplateItem]
