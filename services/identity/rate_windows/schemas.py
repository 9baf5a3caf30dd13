"""What a service asks to be counted."""

from typing import Literal

from pydantic import Field

from shared.request_body import RequestBody


class AttemptCreate(RequestBody):
    """一次计数: under which limit, for whom."""

    rate: Literal["anonymous_write"]
    name: str = Field(max_length=64)
