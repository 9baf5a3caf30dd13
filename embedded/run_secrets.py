"""Secrets of a run on one machine, generated once and readable by their owner only (mode 0600)."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

SECRET_BYTES = 32


def load_or_create_secrets(folder: Path) -> dict[str, Any]:
    """Load the folder's secrets as settings; generates them on the first call."""
    path = folder / "secrets.json"
    if not path.exists():
        generated = {
            "service_key": secrets.token_urlsafe(SECRET_BYTES),
            "data_keys": {"1": base64.b64encode(os.urandom(SECRET_BYTES)).decode()},
            "index_key": base64.b64encode(os.urandom(SECRET_BYTES)).decode(),
        }
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(generated), encoding="utf-8")
        temporary.replace(path)
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return stored
