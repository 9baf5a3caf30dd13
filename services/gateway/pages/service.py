"""Which file of the built pages answers an address."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

APPLICATIONS = frozenset({"desk", "m"})
HASHED_FOLDER = "assets"
"""Files in it carry a hash in their names and never change."""
MEDIA_TYPES = {
    ".webmanifest": "application/manifest+json",
    ".js": "text/javascript",
    ".map": "application/json",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the pages, and how long a browser may keep it without asking."""

    path: Path
    media_type: str
    cache_control: str


def find_page_file(root: Path, application: str, path: str) -> PageFile | None:
    """The file of an address; an address without a file extension is a place inside the application and gets its shell.

    None when the pages are not built or there is no such file.
    """
    folder = (root / application).resolve()
    wanted = (folder / path).resolve()
    if not wanted.is_relative_to(folder):
        return None
    if "." not in wanted.name or wanted == folder:
        wanted = folder / "index.html"
    if not wanted.is_file():
        return None
    hashed = wanted.parent.name == HASHED_FOLDER
    media_type = (
        MEDIA_TYPES.get(wanted.suffix) or mimetypes.guess_type(wanted.name)[0] or "application/octet-stream"
    )
    cache = "public, max-age=31536000, immutable" if hashed else "no-cache"
    return PageFile(wanted, media_type, cache)


def is_built(root: Path, application: str) -> bool:
    """Whether the pages of an application are there."""
    return (root / application / "index.html").is_file()
