"""Errors that keep a row from being applied: its dependency is missing, or its content differs from the books."""

from uuid import UUID

from shared.errors import Conflict


class DependencyMissing(Conflict):
    """409: the row came before what it is about; it waits for that payment or document."""

    slug = "not-yet"
    title, title_en = "尚不能办理", "Too early"

    def __init__(
        self, detail: str, detail_en: str, *, payment: UUID | None = None, document: str = ""
    ) -> None:
        super().__init__(detail, detail_en)
        self.payment, self.document = payment, document


class ContentMismatch(Conflict):
    """409: the row says something else than our books."""

    slug = "contradiction"
    title, title_en = "与我方账不符", "Differs from our books"
