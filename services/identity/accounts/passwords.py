"""Password hashing with Argon2 in a bounded number of threads, so that many logins at once do not block other requests."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shared.errors import FieldError, Invalid, Unavailable
from shared.unit_of_work import UnitOfWork

MAX_CONCURRENT_HASHES = 2
MAX_WAITING_HASHES = 60
"""Logins that may wait for a hash, about 0.1 s each; a further one gets 503 with Retry-After."""
_hasher = PasswordHash((Argon2Hasher(),))


class HashSemaphore:
    """Limits this process to MAX_CONCURRENT_HASHES hashes at a time and MAX_WAITING_HASHES waiting callers."""

    def __init__(self) -> None:
        self._semaphores: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
        self.waiting_count = 0

    def _get_loop_semaphore(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        for closed in [known for known in self._semaphores if known.is_closed()]:
            del self._semaphores[closed]
        return self._semaphores.setdefault(loop, asyncio.Semaphore(MAX_CONCURRENT_HASHES))

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Wait for a slot; raises Unavailable when too many callers wait already."""
        if self.waiting_count >= MAX_WAITING_HASHES:
            raise Unavailable("登录人数过多, 请稍后重试", "Too many logins at once", retry_after=3)
        self.waiting_count += 1
        try:
            async with self._get_loop_semaphore():
                yield
        finally:
            self.waiting_count -= 1


hash_semaphore = HashSemaphore()


async def hash_password(password: str) -> str:
    """Hash a password for storage."""
    async with hash_semaphore.slot():
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(password: str, stored_hash: str | None) -> bool:
    """Whether the password matches the hash. Without a hash, returns False after the same time."""
    async with hash_semaphore.slot():
        matches = await asyncio.to_thread(_hasher.verify, password, stored_hash or _dummy_hash())
    return matches and bool(stored_hash)


@cache
def _dummy_hash() -> str:
    return _hasher.hash("nobody's password")


async def require_strong_password(work: UnitOfWork, account_id: str, password: str, pointer: str) -> None:
    """Raise Invalid unless the password satisfies rule `auth.password`: length, kinds of characters, no user name in it."""
    rule = (await work.get_rule("auth.password")).value
    tests = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    kinds = sum(any(test(character) for character in password) for test in tests)
    detail = ""
    if len(password) < rule["least"]:
        detail = f"口令至少 {rule['least']} 位"
    elif kinds < rule["kinds"]:
        detail = f"口令须含大写字母、小写字母、数字、符号中的至少 {rule['kinds']} 种"
    elif account_id.lower() in password.lower():
        detail = "口令不能包含用户名"
    if detail:
        errors = [FieldError("weak_password", detail, "The password is too weak", pointer)]
        raise Invalid(detail, "The password is too weak", errors=errors)
