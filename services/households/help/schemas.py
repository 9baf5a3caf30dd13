"""What helps a household, and sums of loans and jobs."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, Field

from services.households.jobs.schemas import JobKind, JobRead
from services.households.loans.schemas import LoanRead
from services.households.measures.schemas import MeasureRead
from shared.china import Money, MoneySum


class HelpMeasureRead(MeasureRead):
    """帮扶措施和它的项目."""

    project_name: str = Field(description="来自哪个项目; 空为没有, 或项目库没有答复")


class HouseholdVisit(BaseModel):
    """一次走访, 取自走访记录."""

    id: UUID
    visited_on: date
    person_name: str
    purpose: str
    findings: str


class HouseholdAsset(BaseModel):
    """一项到户资产, 取自资产台账: 所有权人是本户成员, 或帮扶措施写明."""

    id: UUID
    code: str
    name: str
    original_value: Money
    use_label: str


class HouseholdHelp(BaseModel):
    """一户得到的全部帮扶."""

    household_id: UUID
    measures: list[HelpMeasureRead]
    loans: list[LoanRead]
    jobs: list[JobRead]
    visits: list[HouseholdVisit]
    assets: list[HouseholdAsset]
    missing: list[str] = Field(description="没有答复的服务, 其内容不在此页")
    withheld: list[str] = Field(description="查看者无权查看其内容的服务")


class LoanSums(BaseModel):
    """小额信贷合计."""

    loans: int = Field(description="未结清的笔数")
    principal: MoneySum = Field(description="未结清的贷款金额")
    balance: MoneySum = Field(description="贷款余额")
    subsidy: MoneySum = Field(description="累计贴息")
    overdue: int = Field(description="逾期笔数")
    overdue_balance: MoneySum = Field(description="逾期余额")
    overdue_percent: str = Field(description="逾期余额占贷款余额, %")


class JobSums(BaseModel):
    """一类岗位合计."""

    kind: JobKind
    held: int = Field(description="在岗人数")
    jobs: int = Field(description="登记过的岗位")
    paid: MoneySum = Field(description="累计发放")


class HelpSummary(BaseModel):
    """信贷和岗位合计, 没有任何人的信息."""

    region: str
    loans: LoanSums
    jobs: list[JobSums]
