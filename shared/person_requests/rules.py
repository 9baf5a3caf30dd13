"""The dated rule of requests about personal data (days.json)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.rules import RuleKey

PERSON_REQUEST_DAYS = RuleKey[int](
    "person_request.days",
    Annotated[int, Field(ge=1, le=30, title="答复个人信息请求的天数")],
    folder=Path(__file__).parent,
)
