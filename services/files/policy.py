"""Shapes and keys of the dated rules that the files service reads."""

from pydantic import Field

from shared.rules import RuleKey, RuleValue


class UploadQuota(RuleValue):
    """上传限额."""

    max_file_mib: int = Field(title="单个文件上限(MiB)", ge=1, le=2048)
    person_daily_mib: int = Field(title="每人每天上传上限(MiB)", ge=1, le=100_000)
    person_open: int = Field(title="每人同时未传完的文件数", ge=1, le=1000)
    district_gib: int = Field(title="一个县区的文件总量上限(GiB)", ge=1, le=100_000)
    open_hours: int = Field(title="未传完的文件保留时长(小时)", ge=1, le=24 * 90)


UPLOAD_QUOTA = RuleKey[UploadQuota]("upload.quota", UploadQuota)
RULES = (UPLOAD_QUOTA,)
