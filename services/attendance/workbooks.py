"""A workbook as a download."""

from fastapi import Response

from shared.http import content_disposition
from shared.spreadsheets import XLSX_MEDIA_TYPE


def build_download_response(content: bytes, name: str) -> Response:
    """The answer that a browser saves under this name."""
    headers = {
        **content_disposition(name),
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)
