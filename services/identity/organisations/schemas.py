"""Request and response bodies of organisations."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.china import LabelledEnum, RegionCode, parse_credit_code
from shared.http import PatchBody
from shared.request_body import RequestBody


class OrganisationKind(LabelledEnum):
    """单位类别."""

    VILLAGE = "village", "村委会"
    TOWN = "town", "乡镇政府、街道办"
    BUREAU = "bureau", "县直部门"
    COMPANY = "company", "企业、合作社"
    OTHER = "other", "其他单位"


Region = Annotated[RegionCode, Field(description="12位区划代码")]
Name = Annotated[str, Field(min_length=2, max_length=100)]


def _check_credit_code(text: str) -> str:
    return parse_credit_code(text) if text else ""


CreditCode = Annotated[
    str, Field(max_length=18, description="统一社会信用代码"), AfterValidator(_check_credit_code)
]


class OrganisationCreate(RequestBody):
    """新单位."""

    id: UUID | None = None
    name: Name
    kind: OrganisationKind
    region: Region
    credit_code: CreditCode = ""


class OrganisationChange(PatchBody):
    """修改单位. Absent fields stay unchanged."""

    name: Name | None = None
    kind: OrganisationKind | None = None
    credit_code: CreditCode | None = None
    closed: bool | None = None


class OrganisationRead(BaseModel):
    """单位."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    kind: OrganisationKind
    region: str
    credit_code: str
    closed: bool
    version: int
