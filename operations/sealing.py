"""Seals the keys of a backup: by a passphrase (scrypt, AES-GCM), or to an operator's public key (RFC 9180, X25519)."""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from operations.installation import OperationRefused

PASSPHRASE_VARIABLE = "XIANJIE_BACKUP_PASSPHRASE"  # noqa: S105 - the name of a variable
MIN_PASSPHRASE_LENGTH = 12
SCRYPT_COST = 2**17
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
PUBLIC_KEY_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True)
class Lock:
    """How keys are sealed and opened: one of a passphrase, a public key (hexadecimal, seals only), a private key's file."""

    passphrase: str = ""
    recipient: str = ""
    identity: Path | None = None

    @classmethod
    def choose(cls, recipient: str, identity: Path | None, passphrase_file: Path | None) -> "Lock":
        """The lock that the options name, else the passphrase of the environment; OperationRefused when there is none."""
        if recipient or identity:
            return cls(recipient=recipient, identity=identity)
        passphrase = os.environ.get(PASSPHRASE_VARIABLE, "")
        if passphrase_file is not None:
            passphrase = passphrase_file.read_text(encoding="utf-8").strip()
        if len(passphrase) < MIN_PASSPHRASE_LENGTH:
            raise OperationRefused(
                f"备份里的密钥要封存: 请把至少 {MIN_PASSPHRASE_LENGTH} 个字符的口令写入文件并用 --passphrase-file 给出, "
                f"或设置 {PASSPHRASE_VARIABLE}, 或用 --recipient 给出运维人员的公钥"
            )
        return cls(passphrase=passphrase)

    def seal(self, content: bytes) -> bytes:
        """Encrypt; OperationRefused for a public key that is none."""
        if self.passphrase:
            salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
            return salt + nonce + AESGCM(self._derive_key(salt)).encrypt(nonce, content, None)
        try:
            public = X25519PublicKey.from_public_bytes(bytes.fromhex(self.recipient))
        except ValueError as error:
            raise OperationRefused(f"公钥不正确, 应为 64 个十六进制字符: {self.recipient}") from error
        return bytes(PUBLIC_KEY_SUITE.encrypt(content, public))

    def open(self, sealed: bytes) -> bytes:
        """Decrypt; OperationRefused for another passphrase or key."""
        try:
            if self.passphrase:
                salt, nonce = sealed[:SALT_BYTES], sealed[SALT_BYTES : SALT_BYTES + NONCE_BYTES]
                return AESGCM(self._derive_key(salt)).decrypt(nonce, sealed[SALT_BYTES + NONCE_BYTES :], None)
            return bytes(PUBLIC_KEY_SUITE.decrypt(sealed, self._read_identity()))
        except (InvalidTag, ValueError) as error:
            raise OperationRefused("口令或私钥不对, 打不开备份里的密钥: 请用做这个备份时的那一个") from error

    def _derive_key(self, salt: bytes) -> bytes:
        return Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_COST, r=8, p=1).derive(self.passphrase.encode())

    def _read_identity(self) -> X25519PrivateKey:
        if self.identity is None:
            raise OperationRefused("公钥只能封存; 请用 --identity 给出对应的私钥文件")
        try:
            found = serialization.load_pem_private_key(self.identity.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise OperationRefused(f"{self.identity} 里没有私钥") from error
        if not isinstance(found, X25519PrivateKey):
            raise OperationRefused(f"{self.identity} 里不是 X25519 的私钥")
        return found


def create_identity(path: Path) -> str:
    """Write a new private key (PEM, 0600); the public key that belongs to it, in hexadecimal."""
    private = X25519PrivateKey.generate()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return private.public_key().public_bytes_raw().hex()
