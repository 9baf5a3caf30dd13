"""HTTP response for a downloaded workbook."""

from fastapi import Response

from shared.http import content_disposition
from shared.papers import SHEET_MEDIA_TYPES, SheetForm


def build_download_response(content: bytes, name: str, form: SheetForm = "xlsx") -> Response:
    """Returns the workbook or PDF as an attachment with this file name (UTF-8)."""
    headers = {
        **content_disposition(name),
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=SHEET_MEDIA_TYPES[form], headers=headers)
