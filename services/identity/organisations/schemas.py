"""What organisations look like, in and out."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.identity.organisations.kinds import OrganisationKind
from shared.identifiers import credit_code

Region = Annotated[str, Field(pattern="^[0-9]{12}$", description="12位区划代码")]
Name = Annotated[str, Field(min_length=2, max_length=100)]


def _credit_code(text: str) -> str:
    return credit_code(text) if text else ""


CreditCode = Annotated[
    str, Field(max_length=18, description="统一社会信用代码"), AfterValidator(_credit_code)
]


class OrganisationCreate(BaseModel):
    """新单位."""

    id: UUID | None = None
    name: Name
    kind: OrganisationKind
    region: Region
    credit_code: CreditCode = ""


class OrganisationChange(BaseModel):
    """修改单位; absent fields stay."""

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
