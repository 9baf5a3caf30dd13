"""Where a thread may start, and how its steps are told."""

from dataclasses import dataclass

from shared.labels import Labelled


class Kind(Labelled):
    """从哪里查起."""

    PROJECT = "project", "项目"
    SOURCE = "source", "指标文"
    PLAN = "plan", "分配方案"
    PAYMENT = "payment", "支付"
    ASSET = "asset", "项目资产"


@dataclass(frozen=True, slots=True)
class Telling:
    """How records of one list are told as steps: `words` and `day` name fields, of `day` the first that is filled."""

    part: str
    label: str
    address: str
    words: str
    amount: str
    day: str

    @property
    def service(self) -> str:
        """Whose list it is: the first segment of its address."""
        return self.address.split("/")[1]


# fmt: off
TELLINGS: tuple[Telling, ...] = (
    #       list           step        address                            words                        amount             day
    Telling("sources",     "指标文",   "/funds/sources/{id}",             "document_no title",         "amount",          "received_on"),
    Telling("plans",       "分配方案", "/funds/plans/{id}",               "title decision_no",         "announced_total", "issued_on"),
    Telling("allocations", "资金下达", "/funds/allocations/{id}",         "document_no project_name",  "amount",          "issued_on"),
    Telling("projects",    "项目",     "/projects/{id}",                  "library_code name",         "total",           "state_since"),
    Telling("notices",     "公示",     "/projects/notices/{id}",          "level_label title",         "",                "starts_on"),
    Telling("contracts",   "合同",     "/funds/contracts/{id}",           "number party",              "amount",          "signed_on"),
    Telling("progress",    "形象进度", "/projects/{project_id}/progress", "physical_percent problems", "",                "reported_on"),
    Telling("payments",    "支付",     "/funds/payments/{id}",            "voucher_no payee_name",     "amount",          "paid_on"),
    Telling("assets",      "资产",     "/assets/{id}",                    "code name",                 "original_value",  "state_since"),
    Telling("inspections", "巡查",     "/assets/{asset_id}/inspections",  "condition findings",        "",                "inspected_at"),
    Telling("visits",      "走访",     "/attendance/visits/{id}",         "person_name findings",      "",                "visited_on"),
)
# fmt: on
