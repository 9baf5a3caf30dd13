"""Shapes of changes."""

from pydantic import BaseModel, Field

from shared.records import ChangedRecord, GoneRecord, StateHash

MAX_CURSOR_LENGTH = 8000


class MissingService(BaseModel):
    """暂时联系不上的服务: its part of the cursor stays where it was."""

    service: str
    label: str
    reason: str


class ChangePage(BaseModel):
    """一页变化: current rows, each once; what is gone; the cursor of the next request."""

    cursor: str
    more: bool = Field(description="whether more can be read at once")
    records: list[ChangedRecord]
    gone: list[GoneRecord]
    anew: list[str] = Field(description="这些种类从头发送: what the phone has of them is replaced")
    missing: list[MissingService]


class ResetProblem(BaseModel):
    """游标作废: what the phone compares, and the cursor with which it goes on for the kinds that are equal."""

    cursor: str
    hashes: dict[str, StateHash]
