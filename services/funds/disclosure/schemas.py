"""Schemas of announcements and their page layout."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum


class AnnouncementSubject(LabelledEnum):
    """公告种类."""

    ALLOCATION = "allocation", "资金分配公告"
    TARGET = "target", "绩效目标公告"
    COMPLETION = "completion", "资金使用情况公告"


class AnnouncementForm(LabelledEnum):
    """公告的文件形式."""

    HTML = "html", "网页"
    DOCX = "docx", "Word 文件"
    PDF = "pdf", "PDF 文件"

    @property
    def media_type(self) -> str:
        """Content-Type of the form."""
        return {
            AnnouncementForm.HTML: "text/html; charset=utf-8",
            AnnouncementForm.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            AnnouncementForm.PDF: "application/pdf",
        }[self]


class Announcement(BaseModel):
    """公告: the same content as the public notice."""

    model_config = ConfigDict(extra="allow")

    title: str
    content: dict[str, Any] = Field(description="公告内容; 分配公告与公示内容相同")


@dataclass(frozen=True)
class AnnouncementPage:
    """Page layout of an announcement: title, labelled texts, one table whose last row is the totals."""

    title: str
    words: tuple[tuple[str, str], ...]
    head: tuple[str, ...]
    widths: tuple[float, ...]
    """Relative width of each column."""
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[str, ...]
