"""A workbook as a download."""

from urllib.parse import quote

from fastapi import Response

XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def build_download_response(content: bytes, name: str) -> Response:
    """The answer that a browser saves under this name."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=XLSX_MEDIA_TYPE, headers=headers)
