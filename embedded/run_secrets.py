"""Secrets of a run on one machine: made once, kept readable by their owner alone."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

SECRET_BYTES = 32


def load_or_create_secrets(folder: Path) -> dict[str, Any]:
    """Settings with this folder's secrets; made on the first call."""
    path = folder / "secrets.json"
    if not path.exists():
        made = {
            "service_key": secrets.token_urlsafe(SECRET_BYTES),
            "data_keys": {"1": base64.b64encode(os.urandom(SECRET_BYTES)).decode()},
            "index_key": base64.b64encode(os.urandom(SECRET_BYTES)).decode(),
        }
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(made), encoding="utf-8")
        fresh.replace(path)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
