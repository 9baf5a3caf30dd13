"""What an announcement says, whatever its form."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Announcement(BaseModel):
    """公告: the same content as the public notice."""

    model_config = ConfigDict(extra="allow")

    title: str
    content: dict[str, Any] = Field(description="公告内容; 分配公告与公示内容相同")


@dataclass(frozen=True)
class Page:
    """An announcement as it is laid out: title, labelled sentences, one table with its last row of totals."""

    title: str
    words: tuple[tuple[str, str], ...]
    head: tuple[str, ...]
    widths: tuple[float, ...]
    """Share of the page's width, per column."""
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[str, ...]
