"""The dated rule of retention (days.json)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.rules import RuleKey

MIN_RETENTION_DAYS = 30
RETENTION = RuleKey[int](
    "retention.contact",
    Annotated[int, Field(ge=MIN_RETENTION_DAYS, le=3650, title="办结后多少天删除联系方式")],
    folder=Path(__file__).parent,
)
