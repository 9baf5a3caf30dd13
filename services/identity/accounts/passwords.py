"""Passwords: Argon2 in a bounded number of threads, so that a rush of logins cannot starve everything else."""

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
"""A login waits for those before it, about 0.1 s each; more than this and it is asked to come back."""
_hasher = PasswordHash((Argon2Hasher(),))


class HashSemaphore:
    """At most `AT_ONCE` hashes at a time in this process, at most `LONGEST_QUEUE` waiting."""

    def __init__(self) -> None:
        self._semaphores: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
        self.waiting_count = 0

    def _get_loop_semaphore(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        for old in [one for one in self._semaphores if one.is_closed()]:
            del self._semaphores[old]
        return self._semaphores.setdefault(loop, asyncio.Semaphore(MAX_CONCURRENT_HASHES))

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Wait for one's turn; Unavailable when too many wait already."""
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
    """The hash to keep."""
    async with hash_semaphore.slot():
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(password: str, kept: str | None) -> bool:
    """Whether the password is the kept one; without a kept one it takes as long and is False."""
    async with hash_semaphore.slot():
        found = await asyncio.to_thread(_hasher.verify, password, kept or _dummy_hash())
    return found and bool(kept)


@cache
def _dummy_hash() -> str:
    return _hasher.hash("nobody's password")


async def require_strong_password(work: UnitOfWork, account_id: str, password: str, pointer: str) -> None:
    """Invalid unless the password keeps the dated rule `auth.password`: length, kinds of characters, not the name."""
    rule = (await work.get_rule("auth.password")).value
    tests = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    kinds = sum(any(test(one) for one in password) for test in tests)
    words = ""
    if len(password) < rule["least"]:
        words = f"口令至少 {rule['least']} 位"
    elif kinds < rule["kinds"]:
        words = f"口令须含大写字母、小写字母、数字、符号中的至少 {rule['kinds']} 种"
    elif account_id.lower() in password.lower():
        words = "口令不能包含用户名"
    if words:
        faults = [FieldError("weak_password", words, "The password is too weak", pointer)]
        raise Invalid(words, "The password is too weak", errors=faults)
