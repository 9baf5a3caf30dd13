"""Personal data: encrypted at rest, searched by equality through a keyed hash, masked for display.

    row.phone = keyring.encrypt(phone, associated_data=f"user:{row.id}:phone")    # AES-256-GCM, newest key
    row.phone_index = keyring.blind_index(phone, "phone")                         # same number, same hash
    keyring.decrypt(row.phone, associated_data=f"user:{row.id}:phone")            # any key of the ring
    mask_phone("13812341234")                                                     # 138****1234

`associated_data` names table, record and field, so a ciphertext copied to another record cannot be decrypted there.
Key rotation adds a key to the ring; `needs_rotation` finds tokens encrypted with an older one.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import Unavailable

KEY_BYTES = 32
NONCE_BYTES = 12
TOKEN_VERSION = "v1"  # noqa: S105 - a format, not a secret
_KEY_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,32}")
# fmt: off
COMPOUND_SURNAMES = frozenset((
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐",
    "宇文", "长孙", "司徒", "夏侯", "轩辕", "端木", "百里", "呼延", "南宫", "独孤",
))
# fmt: on


class DecryptionFailed(Unavailable):
    """503: a ciphertext is damaged, belongs to another record, or its key is missing."""

    slug = "unreadable"
    title, title_en = "加密数据无法读取", "A sealed value does not open"


class Keyring:
    """The encryption keys of one installation: every key decrypts, the newest encrypts.

    `data_keys` maps key id → base64 of 32 bytes; the greatest id in natural order ("2026", "2026-2", "2027") is
    the newest. `index_key` is the key of the blind index; after a change of it, stored indexes no longer match.
    Raises ValueError for malformed keys.
    """

    def __init__(self, data_keys: Mapping[str, str], index_key: str) -> None:
        if not data_keys:
            raise ValueError("至少需要一个数据密钥")
        self._keys = {name: AESGCM(_parse_key(name, text)) for name, text in data_keys.items()}
        self._newest = max(data_keys, key=_natural_sort_key)
        if len(index_key.encode()) < KEY_BYTES:
            raise ValueError(f"索引密钥须至少 {KEY_BYTES} 个字符")
        self._index_key = hashlib.sha256(b"xianjie blind index\0" + index_key.encode()).digest()

    @classmethod
    def random(cls) -> Self:
        """A keyring of random keys, for tests and for data that is not kept after the process ends."""
        return cls({"0": generate_key()}, generate_key())

    def encrypt(self, text: str, *, associated_data: str) -> str:
        """Encrypt text to printable ASCII bound to `associated_data`; a random nonce makes every token different."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        ciphertext = self._keys[self._newest].encrypt(
            nonce, text.encode(), _associated_data(self._newest, associated_data)
        )
        return f"{TOKEN_VERSION}.{self._newest}.{base64.urlsafe_b64encode(nonce + ciphertext).decode()}"

    def decrypt(self, token: str, *, associated_data: str) -> str:
        """Decrypt a token; DecryptionFailed when it is damaged or `associated_data` differs."""
        name = _parse_key_id(token)
        if name not in self._keys:
            raise DecryptionFailed(f"没有编号为 {name!r} 的密钥")
        try:
            content = token.split(".")[2]
            raw = base64.b64decode(content, altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(raw).decode() != content:
                raise DecryptionFailed("密文已损坏")
            plaintext = self._keys[name].decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], _associated_data(name, associated_data)
            )
        except (binascii.Error, InvalidTag, ValueError):
            raise DecryptionFailed("密文已损坏, 或不属于这条记录") from None
        return plaintext.decode()

    def needs_rotation(self, token: str) -> bool:
        """Whether the token was encrypted with a key older than the newest."""
        return _parse_key_id(token) != self._newest

    def blind_index(self, text: str, kind: str) -> str:
        """HMAC-SHA-256 of the normalized text for equality search: 32 hexadecimal digits, different for each kind."""
        plain = normalize_text(text, kind)
        return hmac.new(self._index_key, f"{kind}\0{plain}".encode(), hashlib.sha256).hexdigest()[:32]


def generate_key() -> str:
    """A random key of 32 bytes in base64, the form used in settings."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def normalize_text(text: str, kind: str = "") -> str:
    """Text in NFKC and upper case, without spaces and dashes; kind `phone` also drops a leading +86 or 0086."""
    plain = re.sub(
        r"[\s\u00ad\u200b-\u200f\u2010-\u2015\ufeff-]", "", unicodedata.normalize("NFKC", text)
    ).upper()
    return re.sub(r"^(\+|00)86(?=1\d{10}$)", "", plain) if kind == "phone" else plain


def mask_name(name: str) -> str:
    """Mask a name except its surname: 张三 → 张*, 欧阳娜娜 → 欧阳**."""
    name = name.strip()
    visible = 2 if name[:2] in COMPOUND_SURNAMES and len(name) > 2 else 1  # noqa: PLR2004 - characters
    return name[:visible] + "*" * (len(name) - visible) if len(name) > visible else "*" * len(name)


def mask_id_card(number: str) -> str:
    """Mask an id number: 622301197001011234 → 622301********1234; a longer number (残疾证) shows as many digits."""
    return _mask_middle(normalize_text(number), 6, 4)


def mask_phone(number: str) -> str:
    """Mask a phone number: 13812341234 → 138****1234, 0935-2212345 → 0935****345."""
    plain = normalize_text(number, "phone")
    return _mask_middle(plain, 3, 4) if re.fullmatch(r"1\d{10}", plain) else _mask_middle(plain, 4, 3)


def mask_account(number: str) -> str:
    """Mask an account number of any length: 6222021234561234 → 6222 **** **** 1234."""
    plain = normalize_text(number)
    return f"{plain[:4]} **** **** {plain[-4:]}" if len(plain) >= 12 else _mask_middle(plain, 0, 2)  # noqa: PLR2004


def _mask_middle(plain: str, head: int, tail: int) -> str:
    """Replace the middle with asterisks; replace all of a text so short that too little would be hidden."""
    hidden = len(plain) - head - tail
    if hidden < max(1, (head + tail) // 3):
        return "*" * len(plain)
    return plain[:head] + "*" * hidden + plain[len(plain) - tail :]


def _parse_key(name: str, text: str) -> bytes:
    if not _KEY_ID_PATTERN.fullmatch(name):
        raise ValueError(f"密钥编号只能用字母、数字、- 和 _: {name!r}")
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"密钥 {name!r} 须为 {KEY_BYTES} 字节的 base64")
    return key


def _parse_key_id(token: str) -> str:
    parts = token.split(".")
    if len(parts) != 3 or parts[0] != TOKEN_VERSION:  # noqa: PLR2004 - version, key, content
        raise DecryptionFailed("不是密文")
    return parts[1]


def _natural_sort_key(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", name)]


def _associated_data(name: str, associated_data: str) -> bytes:
    return f"{TOKEN_VERSION}\0{name}\0{associated_data}".encode()
