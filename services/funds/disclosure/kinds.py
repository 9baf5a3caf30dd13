"""Code sets of announcements."""

from shared.labels import Labelled


class Subject(Labelled):
    """公告种类."""

    ALLOCATION = "allocation", "资金分配公告"
    TARGET = "target", "绩效目标公告"
    COMPLETION = "completion", "资金使用情况公告"


class Form(Labelled):
    """公告的文件形式."""

    HTML = "html", "网页"
    DOCX = "docx", "Word 文件"
    PDF = "pdf", "PDF 文件"

    @property
    def media_type(self) -> str:
        """As browsers know it."""
        return {
            Form.HTML: "text/html; charset=utf-8",
            Form.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Form.PDF: "application/pdf",
        }[self]
