"""What a category looks like to those who choose one."""

from pydantic import BaseModel, Field


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
