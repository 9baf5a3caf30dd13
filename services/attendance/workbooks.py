"""HTTP response for a downloaded workbook."""

from fastapi import Response

from shared.http import content_disposition
from shared.spreadsheets import XLSX_MEDIA_TYPE


def build_download_response(content: bytes, name: str) -> Response:
    """Returns the workbook as an attachment with this file name (UTF-8)."""
    headers = {
        **content_disposition(name),
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)
