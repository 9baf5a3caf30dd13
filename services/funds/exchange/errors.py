"""Errors that keep a row from being applied: its dependency is missing, or its content differs from the books."""

from uuid import UUID

from shared.errors import Conflict


class DependencyMissing(Conflict):
    """409: the row refers to a payment or document that does not exist yet; it waits for it."""

    slug = "not-yet"
    title, title_en = "尚不能办理", "Too early"

    def __init__(
        self, detail: str, detail_en: str, *, payment: UUID | None = None, document: str = ""
    ) -> None:
        super().__init__(detail, detail_en)
        self.payment, self.document = payment, document


class ContentMismatch(Conflict):
    """409: the content of the row differs from the books."""

    slug = "contradiction"
    title, title_en = "与我方账不符", "Differs from our books"
