"""Keys of service tokens: each service signs with a private key of its own, everybody holds all public keys.

deploy/secrets.sh makes them for an installation (operations/service_keys.py); a run on one machine makes them in memory.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

KEY_ID_PREFIX = "service:"
"""A key id that begins so belongs to a service; identity's key ids never do."""
CURVE = "P-256"


def service_key_id(service: str) -> str:
    """The id of a service's key, which is also the subject of its tokens."""
    return f"{KEY_ID_PREFIX}{service}"


def service_audience(audience: str, service: str) -> str:
    """The audience of tokens for one service, such as `xianjie:funds`."""
    return f"{audience}:{service}"


def generate_service_keys(services: Iterable[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Private keys by service, each base64 of a JWK, and the set of all public keys."""
    made = {
        name: ECKey.generate_key(CURVE, {"kid": service_key_id(name), "alg": "ES256", "use": "sig"})
        for name in services
    }
    private = {
        name: base64.urlsafe_b64encode(json.dumps(key.as_dict(private=True)).encode()).decode()
        for name, key in made.items()
    }
    return private, {"keys": [key.as_dict(private=False) for key in made.values()]}


@lru_cache(maxsize=64)
def load_private_key(text: str) -> ECKey:
    """A service's private key; ValueError when the text holds none."""
    try:
        key = ECKey.import_key(json.loads(base64.urlsafe_b64decode(text.encode())))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError("not a private key of a service") from error
    if not key.is_private:
        raise ValueError("not a private key of a service")
    return key


def load_public_keys(keys: Mapping[str, Any]) -> dict[str, ECKey]:
    """Public keys by key id; what is not a service's is left out."""
    return {
        one["kid"]: ECKey.import_key(one)
        for one in keys.get("keys", ())
        if one.get("kty") == "EC" and str(one.get("kid", "")).startswith(KEY_ID_PREFIX)
    }
