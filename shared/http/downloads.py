"""Headers of responses that a browser saves as a file."""

from urllib.parse import quote


def content_disposition(name: str, *, inline: bool = False) -> dict[str, str]:
    """The Content-Disposition header for a file name in any script (RFC 6266); `inline` shows the file instead."""
    return {"Content-Disposition": f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(name)}"}
