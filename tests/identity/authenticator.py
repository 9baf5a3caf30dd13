"""A software authenticator: makes credentials and signs challenges as a browser with a phone or security key does."""

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

ORIGIN, RP_ID = "http://localhost:8000", "localhost"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, ES384 = -7, -35


def encode(content: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


class Authenticator:
    """One credential; every part of what it makes can be given another value than the right one."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.count = 0

    def create(self, options: dict[str, Any], **wrong: Any) -> dict[str, Any]:
        """The RegistrationResponseJSON for creation options."""
        numbers = self.key.public_key().public_numbers()
        cose = {
            1: 2,
            3: wrong.get("alg", ES256),
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: wrong.get("y", numbers.y.to_bytes(32, "big")),
        }
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor.encode(cose)
        wrong.setdefault("flags", PRESENT | VERIFIED | ATTESTED)
        data = self._build_data(wrong) + (attested if wrong["flags"] & ATTESTED else b"")
        content = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})[: wrong.get("cut")]
        content = wrong.get("content", content)
        response = {
            "clientDataJSON": encode(self._build_client_data("webauthn.create", options, wrong)),
            "attestationObject": encode(content),
            "transports": ["internal"],
        }
        return self._build_answer(response, wrong)

    def sign(self, options: dict[str, Any], **wrong: Any) -> dict[str, Any]:
        """The AuthenticationResponseJSON for request options."""
        self.count += 1
        client_data = self._build_client_data("webauthn.get", options, wrong)
        wrong.setdefault("flags", PRESENT | VERIFIED)
        data = self._build_data(wrong)[: wrong.get("cut")]
        key = wrong.get("key", self.key)
        signature = key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(wrong.get("signature", signature)),
            "userHandle": wrong.get("user_handle"),
        }
        return self._build_answer(response, wrong)

    def _build_answer(self, response: dict[str, Any], wrong: dict[str, Any]) -> dict[str, Any]:
        name = encode(wrong.get("id", self.id))
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }

    def _build_client_data(self, kind: str, options: dict[str, Any], wrong: dict[str, Any]) -> bytes:
        content = {
            "type": wrong.get("kind", kind),
            "challenge": wrong.get("challenge", options["challenge"]),
            "origin": wrong.get("origin", ORIGIN),
            "crossOrigin": wrong.get("cross_origin", False),
        }
        return json.dumps(content).encode()

    def _build_data(self, wrong: dict[str, Any]) -> bytes:
        rp_id_hash = hashlib.sha256(wrong.get("rp_id", RP_ID).encode()).digest()
        return rp_id_hash + struct.pack(">BI", wrong["flags"], wrong.get("count", self.count))
