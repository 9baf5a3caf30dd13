"""Secrets of a run on one machine, generated once and readable by their owner only (mode 0600)."""

import base64
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shared.auth import generate_service_keys

SECRET_BYTES = 32


def load_or_create_secrets(folder: Path) -> dict[str, Any]:
    """Load the folder's secrets as settings; generates them on the first call (keys of service tokens at every start)."""
    path = folder / "secrets.json"
    if not path.exists():
        generated = {
            "data_keys": {"1": base64.b64encode(os.urandom(SECRET_BYTES)).decode()},
            "index_key": base64.b64encode(os.urandom(SECRET_BYTES)).decode(),
        }
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(generated), encoding="utf-8")
        temporary.replace(path)
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {name: stored[name] for name in ("data_keys", "index_key")}


def create_service_keys(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Generate settings by service: its private key of service tokens and the public keys of all."""
    private, public = generate_service_keys(names)
    return {name: {"service_key": key, "service_public_keys": public} for name, key in private.items()}
