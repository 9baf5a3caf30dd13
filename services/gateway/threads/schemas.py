"""Response body of a thread, and the table that turns records into steps."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.gateway.fan_out import MissingPart
from shared.china import LabelledEnum


class ThreadKind(LabelledEnum):
    """从哪里查起."""

    PROJECT = "project", "项目"
    SOURCE = "source", "指标文"
    PLAN = "plan", "分配方案"
    PAYMENT = "payment", "支付"
    ASSET = "asset", "项目资产"


@dataclass(frozen=True, slots=True)
class StepSpec:
    """How the records of one list become steps.

    `text_fields` and `day_fields` are field names separated by spaces; the first filled day field gives the date.
    """

    list_name: str
    label: str
    address: str
    text_fields: str
    amount_field: str
    day_fields: str

    @property
    def service(self) -> str:
        """The service of the list: the first segment of its address."""
        return self.address.split("/")[1]


# fmt: off
STEP_SPECS: tuple[StepSpec, ...] = (
    #        list           label       address                           text fields                  amount field       day fields
    StepSpec("sources",     "指标文",   "/funds/sources/{id}",             "document_no title",         "amount",          "received_on"),
    StepSpec("plans",       "分配方案", "/funds/plans/{id}",               "title decision_no",         "announced_total", "issued_on"),
    StepSpec("allocations", "资金下达", "/funds/allocations/{id}",         "document_no project_name",  "amount",          "issued_on"),
    StepSpec("projects",    "项目",     "/projects/{id}",                  "library_code name",         "total",           "state_since"),
    StepSpec("notices",     "公示",     "/projects/notices/{id}",          "level_label title",         "",                "starts_on"),
    StepSpec("contracts",   "合同",     "/funds/contracts/{id}",           "number party",              "amount",          "signed_on"),
    StepSpec("progress",    "形象进度", "/projects/{project_id}/progress", "physical_percent problems", "",                "reported_on"),
    StepSpec("payments",    "支付",     "/funds/payments/{id}",            "voucher_no payee_name",     "amount",          "paid_on"),
    StepSpec("assets",      "资产",     "/assets/{id}",                    "code name",                 "original_value",  "state_since"),
    StepSpec("inspections", "巡查",     "/assets/{asset_id}/inspections",  "condition findings",        "",                "inspected_at"),
    StepSpec("visits",      "走访",     "/attendance/visits/{id}",         "person_name findings",      "",                "visited_on"),
)
# fmt: on

Rows = list[dict[str, Any]]


class ThreadStep(BaseModel):
    """全链条上的一步."""

    label: str
    on: str = Field(description="日期, 空为尚未发生或没有记载")
    text: str
    amount: str = Field("", description="元")
    state: str = ""
    service: str
    id: str
    address: str


class Thread(BaseModel):
    """资金全链条: the records as their services answer them, and the same records as a list of steps."""

    kind: ThreadKind
    id: UUID
    steps: list[ThreadStep] = Field(description="按日期排列")
    sources: Rows
    plans: Rows
    allocations: Rows
    projects: Rows
    notices: Rows
    contracts: Rows
    progress: Rows
    payments: Rows
    assets: Rows
    inspections: Rows
    visits: Rows
    figures: dict[str, Any] | None = Field(description="以上资金安排的合计")
    coverage: Rows = Field(description="各项目的资产登记情况")
    more_projects: int = Field(description="还有多少个项目没有展开")
    missing: list[MissingPart]
    withheld: list[MissingPart]
