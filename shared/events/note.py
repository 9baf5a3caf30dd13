"""Heads of a log as C2SP signed notes, and cosignatures of witnesses (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature).

A head is `origin⏎size⏎base64 root⏎`, an empty line, and signature lines `— name base64(key id ‖ signature)`. Keys are
written as `name+key id+base64 of type and public key`. A log signs a head twice: with Ed25519, which other people's tools
verify, and with SM2 (GB/T 32918.2 with SM3 and the user id of GM/T 0009). A cosignature also signs its time.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.events import verify

ED25519, COSIGNATURE = b"\x01", b"\x04"
SM2 = b"\xffGB/T 32918.2"
"""C2SP has no number for SM2: 0xff stands before a type that names itself."""
KEY_ID_BYTES, TIME_BYTES, SEED_BYTES = 4, 8, 32
PUBLIC_KEY_BYTES = {ED25519: 32, COSIGNATURE: 32, SM2: 64}
SM2_USER = b"1234567812345678"
SM2_ORDER = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
SM2_SEED_BYTES = 48
"""Sixteen more than the order has, so that the remainder favours no key."""
UNCOMPRESSED = b"\x04"
DASH = "\u2014 "
MAX_NOTE_LENGTH = 20_000


class InvalidNote(ValueError):
    """A text is no head, or its signature does not verify."""


@dataclass(frozen=True)
class NoteKey:
    """A public key with the name it signs under; `kind` is ED25519 or SM2 of a log, or COSIGNATURE of a witness."""

    name: str
    kind: bytes
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """The key as it is handed over."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.kind + self.public).decode()}"


@dataclass(frozen=True)
class TreeHead:
    """The head of a log: how many rows it has, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_key(text: str) -> NoteKey:
    """A public key as it was handed over; InvalidNote when it is none."""
    try:
        name, key_id, encoded = text.strip().split("+", 2)
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidNote("not a public key of a log or witness") from error
    for kind, length in PUBLIC_KEY_BYTES.items():
        key = NoteKey(name, kind, data[len(kind) :])
        if data.startswith(kind) and len(key.public) == length and key.key_id.hex() == key_id:
            return key
    raise InvalidNote("not a public key of a log or witness")


def derive_log_key(secret: str, origin: str) -> Ed25519PrivateKey:
    """The private Ed25519 key of one log, from a secret of the service."""
    kdf = HKDF(hashes.SHA256(), SEED_BYTES, salt=None, info=f"log head {origin}".encode())
    return Ed25519PrivateKey.from_private_bytes(kdf.derive(secret.encode()))


@lru_cache(maxsize=32)
def derive_sm2_key(secret: str, origin: str) -> bytes:
    """The private SM2 key of one log, from a secret of the service: 32 bytes, between 1 and the order less 2."""
    kdf = HKDF(hashes.SHA256(), SM2_SEED_BYTES, salt=None, info=f"log head SM2 {origin}".encode())
    number = int.from_bytes(kdf.derive(secret.encode()), "big") % (SM2_ORDER - 2) + 1
    return number.to_bytes(SEED_BYTES, "big")


@lru_cache(maxsize=32)
def sm2_public_key(name: str, private: bytes) -> NoteKey:
    """The public half of an SM2 key: x ‖ y."""
    # What only heads need is not loaded at the start of a service.
    import gmalg

    return NoteKey(name, SM2, gmalg.SM2().generate_pk(private).removeprefix(UNCOMPRESSED))


def public_key(name: str, private: Ed25519PrivateKey, kind: bytes = ED25519) -> NoteKey:
    """The public half of a key."""
    return NoteKey(name, kind, private.public_key().public_bytes_raw())


def _signature_line(name: str, data: bytes) -> str:
    return f"{DASH}{name} {base64.b64encode(data).decode()}\n"


def sign_head(head: TreeHead, private: Ed25519PrivateKey) -> str:
    """The signed note of a head."""
    key = public_key(head.origin, private)
    return f"{head.body}\n{_signature_line(key.name, key.key_id + private.sign(head.body.encode()))}"


@lru_cache(maxsize=32)
def sign_head_with_sm2(head: TreeHead, private: bytes) -> str:
    """The signature line of a head by an SM2 key: r ‖ s. Kept, since it costs 10 ms."""
    import gmalg

    key = sm2_public_key(head.origin, private)
    numbers = gmalg.SM2(private, SM2_USER, UNCOMPRESSED + key.public).sign(head.body.encode())
    signature = b"".join(number.rjust(SEED_BYTES, b"\0") for number in numbers)
    return _signature_line(key.name, key.key_id + signature)


def cosign_head(head: TreeHead, name: str, private: Ed25519PrivateKey, time: int) -> str:
    """A witness's signature line, at a time in seconds since 1970."""
    key = public_key(name, private, COSIGNATURE)
    signature = private.sign(f"cosignature/v1\ntime {time}\n{head.body}".encode())
    return _signature_line(name, key.key_id + time.to_bytes(TIME_BYTES, "big") + signature)


def parse_head(note: str) -> tuple[TreeHead, list[str]]:
    """The head in a note, and its signature lines, not verified. InvalidNote when it has another form."""
    body, empty, rest = note.partition("\n\n")
    lines = body.split("\n")
    signatures = rest.split("\n")
    try:
        origin, size, encoded = lines
        root = base64.b64decode(encoded, validate=True)
        if (
            len(note) > MAX_NOTE_LENGTH
            or not origin
            or not empty
            or signatures.pop()
            or len(root) != SEED_BYTES
        ):
            raise InvalidNote("not the head of a log")
        if size != str(int(size)) or int(size) < 0:
            raise InvalidNote("not the size of a log")
    except (ValueError, binascii.Error) as error:
        raise InvalidNote("not the head of a log") from error
    return TreeHead(origin, int(size), root), signatures


def _split_line(line: str) -> tuple[str, bytes]:
    try:
        dash, name, encoded = line.split(" ")
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidNote("not a signature line") from error
    if f"{dash} " != DASH:
        raise InvalidNote("not a signature line")
    return name, data


def _verify(key: NoteKey, signature: bytes, message: bytes) -> None:
    if key.kind == SM2:
        if not verify.verify_sm2(key.public, signature, message):
            raise InvalidNote(f"the signature of {key.name} does not verify")
        return
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature as error:
        raise InvalidNote(f"the signature of {key.name} does not verify") from error


def verify_head(note: str, key: NoteKey) -> TreeHead:
    """The head that a log signed. InvalidNote when this key did not sign it, or its origin is another."""
    head, lines = parse_head(note)
    for name, data in map(_split_line, lines):
        if (name, data[:KEY_ID_BYTES]) == (key.name, key.key_id):
            _verify(key, data[KEY_ID_BYTES:], head.body.encode())
            if head.origin != key.name:
                raise InvalidNote("the head is of another log")
            return head
    raise InvalidNote(f"{key.name} did not sign this head")


def verify_cosignature(line: str, head: TreeHead, keys: dict[str, NoteKey]) -> tuple[NoteKey, int]:
    """Whose cosignature of a head a line is, among the keys by name, and its time. InvalidNote when of nobody's."""
    name, data = _split_line(line.rstrip("\n"))
    key = keys.get(name)
    if key is None or key.kind != COSIGNATURE or data[:KEY_ID_BYTES] != key.key_id:
        raise InvalidNote("not a cosignature of a known witness")
    time = int.from_bytes(data[KEY_ID_BYTES : KEY_ID_BYTES + TIME_BYTES], "big")
    message = f"cosignature/v1\ntime {time}\n{head.body}".encode()
    _verify(key, data[KEY_ID_BYTES + TIME_BYTES :], message)
    return key, time
