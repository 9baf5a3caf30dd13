"""What goes in and out about revitalisation plans."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.register.kinds import Track
from services.assets.register.lifecycle import UseState
from services.assets.revivals.lifecycle import RevivalState
from shared.money import Money, SignedMoney
from shared.moves import Act, Offer


class Figures(BaseModel):
    """盘活前后的对照数."""

    model_config = ConfigDict(from_attributes=True)

    on: date
    use: UseState
    income: SignedMoney = Field(description="之前十二个月实收")
    households: int
    operator: str = Field(description="经营主体, 空为没有合同")


class RevivalCreate(BaseModel):
    """提出盘活方案."""

    id: UUID | None = None
    asset_id: UUID
    track: Track
    problem: str = Field(min_length=2, max_length=2000)
    measures: str = Field(min_length=2, max_length=4000)
    investment: Money = 0
    person: str = Field(min_length=2, max_length=100, description="责任人")
    deadline: date


class RevivalRead(BaseModel):
    """盘活方案."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    track: Track
    problem: str
    measures: str
    investment: Money
    person: str
    deadline: date
    before: Figures
    after: Figures | None
    file_ids: list[str]
    state: RevivalState
    state_since: datetime
    created_by: str


class RevivalDetail(RevivalRead):
    """盘活方案和可办事项."""

    available_actions: list[Offer]


class RevivalAct(Act):
    """办理盘活."""

    file_ids: list[UUID] = Field([], max_length=30)
