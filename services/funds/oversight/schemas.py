"""The supervision ledger and the evaluation's indicators as they are shown."""

from pydantic import BaseModel, ConfigDict, Field

from shared.labels import Labelled
from shared.money import Money


class Rank(Labelled):
    """财政层级, 由区划代码得出."""

    PROVINCE = "province", "省级"
    CITY = "city", "市级"
    COUNTY = "county", "县级"
    TOWN = "town", "乡镇级"


class RankRow(BaseModel):
    """一个层级的分配和支出."""

    model_config = ConfigDict(from_attributes=True)

    rank: Rank
    label: str
    given: Money = Field(description="下达到本级")
    own: Money = Field(description="分配本级")
    below: Money = Field(description="分配下级")
    unallocated: Money = Field(description="未分配 = 下达 - 已分配")
    paid: Money = Field(description="本级已支出")
    progress: str = Field(description="分配进度 = (分配本级 + 分配下级) / 下达 × 100, 下达为 0 时为 0")


class SupervisionRow(BaseModel):
    """监督台账的一行: one fund, or one town."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    label: str
    amountZyxd: Money = Field(description="中央下达")  # noqa: N815 - the finance system's own name
    amountSnjbjfp: Money = Field(description="省级分配本级")  # noqa: N815 - the finance system's own name
    amountSnjxjfp: Money = Field(description="省级分配下级")  # noqa: N815 - the finance system's own name
    amountSnjpay: Money = Field(description="省级支出")  # noqa: N815 - the finance system's own name
    received: Money = Field(description="下达合计, 各级资金")
    paid: Money = Field(description="各级支出合计")
    spending: str = Field(description="支出进度 = 各级支出 / 下达 × 100")
    ranks: list[RankRow]


class Supervision(BaseModel):
    """监督台账."""

    region: str
    year: int
    rows: list[SupervisionRow]
    total: SupervisionRow


class Indicator(BaseModel):
    """一项评价指标: its two figures, so that it opens to the books."""

    code: str
    group: str
    title: str
    part: str
    whole: str
    percent: str = Field(description="占比, %; 不是比例的为空")
    how: str = Field(description="取数口径")


class Evaluation(BaseModel):
    """绩效评价及考核指标. Weights and score bands are set above the district and not computed here."""

    region: str
    year: int
    basis: str
    indicators: list[Indicator]
    by_hand: list[str] = Field(description="须人工填报的加减分项")
