"""File names in Chinese, as browsers take them."""

from urllib.parse import quote


def content_disposition(name: str) -> dict[str, str]:
    """The header that saves an answer under a name."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
