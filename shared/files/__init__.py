"""Uploaded files: storage by content digest, evidence read from photos, routes."""

from shared.files.storage import CHUNK_BYTES, Storage

__all__ = [
    "CHUNK_BYTES",
    "Storage",
]
