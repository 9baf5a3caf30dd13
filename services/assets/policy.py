"""Every dated rule of this service (rules/*.json): the shape of its value, with bounds.

The rules of alerts stand beside their detectors (alerts/detectors.py).
"""

from typing import Annotated, Any

from pydantic import Field

from services.assets.distributions.schemas import DecisionStep, IncomePurpose
from services.assets.register.schemas import AssetClass
from shared.notices.rules import NOTICE_RULES
from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.records.table_imports import declare_heads
from shared.rules import Code, Days, Label, Labels, Percent, RuleKey, RuleValue

CategoryCode = Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2}){0,3}$")]

IMPORT_HEADS = declare_heads("assets")
SUBCLASSES = RuleKey[dict[AssetClass, dict[str, str]]](
    "codes.subclass",
    Annotated[
        dict[AssetClass, Annotated[dict[Code, Label], Field(min_length=1, max_length=200)]],
        Field(title="各类别的子类及名称", min_length=3, max_length=3),
    ],
)


class FundingCodes(RuleValue):
    """资金来源的代码及名称."""

    level: Labels = Field(title="资金级次")
    fund: Labels = Field(title="资金类型")


class CertificateTerms(RuleValue):
    """权属证书."""

    prefix: Annotated[str, Field(min_length=1, max_length=20)] = Field(title="权证号字头")
    issuer: Annotated[str, Field(max_length=100)] = Field("", title="发证机关")


class VoteTerms(RuleValue):
    """一步表决的法定人数和多数."""

    quorum: Annotated[str, Field(pattern=r"^[1-9][0-9]?/[1-9][0-9]?$")] = Field(
        title="到会不少于应到人数的几分之几"
    )
    majority: Annotated[str, Field(pattern=r"^[1-9][0-9]?/[1-9][0-9]?$")] = Field(
        title="同意须多于到会人数的几分之几"
    )


DISTRIBUTION_VOTES = RuleKey[dict[DecisionStep, VoteTerms]](
    "distribution.votes",
    Annotated[dict[DecisionStep, VoteTerms], Field(title="收益分配各步骤的法定人数和多数", max_length=6)],
)
FUNDING_CODES = RuleKey[FundingCodes]("codes.funding", FundingCodes)
RIGHTS_NOTICE_CLASSES = RuleKey[frozenset[AssetClass]](
    "rights.notice_classes",
    Annotated[frozenset[AssetClass], Field(title="确权须公示的资产类别", max_length=3)],
)
RIGHTS_CERTIFICATE = RuleKey[CertificateTerms]("rights.certificate", CertificateTerms)
INSPECTION_RADIUS = RuleKey[int](
    "inspection.radius_m", Annotated[int, Field(title="离坐落点多少米以内算到场", ge=10, le=5000)]
)
INSPECTION_RHYTHM = RuleKey[dict[str, int]](
    "inspection.rhythm_days",
    Annotated[
        dict[Annotated[str, Field(pattern=r"^(public|operating|household)(\.[a-z_]{1,40})?$")], Days],
        Field(title="类别或“类别.子类” → 多少天内须巡查一次(0 为不要求)", max_length=100),
    ],
)
OPERATING_CATEGORIES = RuleKey[tuple[str, ...]](
    "births.operating_categories",
    Annotated[tuple[CategoryCode, ...], Field(title="按经营性资产建档的项目类型", max_length=100)],
)


class DepreciationTerms(RuleValue):
    """一类资产的折旧."""

    enabled: bool = Field(title="计提折旧")
    years: Annotated[int, Field(ge=1, le=100)] = Field(title="年限")
    residual_percent: Percent = Field(title="残值率(%)")


DEPRECIATION = RuleKey[dict[AssetClass, DepreciationTerms]](
    "book.depreciation",
    Annotated[dict[AssetClass, DepreciationTerms], Field(title="各类别的折旧", max_length=3)],
)


class RepairLimits(RuleValue):
    """扫码报修的次数限制."""

    per_sender_hour: Annotated[int, Field(ge=1, le=100)] = Field(title="每人每小时报修次数")
    per_asset_day: Annotated[int, Field(ge=1, le=1000)] = Field(title="每项资产每天报修次数")
    photos_per_sender_hour: Annotated[int, Field(ge=1, le=200)] = Field(title="每人每小时照片数")
    photos_per_asset_day: Annotated[int, Field(ge=1, le=2000)] = Field(60, title="每项资产每天照片数")
    photo_mib_per_sender_day: Annotated[int, Field(ge=1, le=1024)] = Field(100, title="每人每天照片(MiB)")
    photo_mib_per_district_day: Annotated[int, Field(ge=1, le=10_240)] = Field(
        500, title="全县每天公众照片(MiB)"
    )
    photo_gib_per_district: Annotated[int, Field(ge=1, le=500)] = Field(20, title="全县公众照片总量(GiB)")


REPAIR_LIMITS = RuleKey[RepairLimits]("repair.limits", RepairLimits)


class ShareBounds(RuleValue):
    """一种用途的占比."""

    most: Percent = Field(100, title="最多(%)")
    least: Percent = Field(0, title="最少(%)")


DISTRIBUTION_SHARES = RuleKey[dict[IncomePurpose, ShareBounds]](
    "distribution.shares",
    Annotated[dict[IncomePurpose, ShareBounds], Field(title="各用途的占比", max_length=20)],
)

RULES: tuple[RuleKey[Any], ...] = (
    *NOTICE_RULES,
    PERSON_REQUEST_DAYS,
    IMPORT_HEADS,
    SUBCLASSES,
    DISTRIBUTION_VOTES,
    FUNDING_CODES,
    RIGHTS_NOTICE_CLASSES,
    RIGHTS_CERTIFICATE,
    INSPECTION_RADIUS,
    INSPECTION_RHYTHM,
    OPERATING_CATEGORIES,
    DEPRECIATION,
    REPAIR_LIMITS,
    DISTRIBUTION_SHARES,
)
"""The registry of the rules above."""
