"""Passwords: Argon2 in a bounded number of threads, so that a rush of logins cannot starve everything else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shared.errors import Fault, Invalid, Unavailable
from shared.work import Work

AT_ONCE = 2
LONGEST_QUEUE = 60
"""A login waits for those before it, about 0.1 s each; more than this and it is asked to come back."""
_hasher = PasswordHash((Argon2Hasher(),))


class Gate:
    """At most `AT_ONCE` hashes at a time in this process, at most `LONGEST_QUEUE` waiting."""

    def __init__(self) -> None:
        self._gates: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
        self.waiting = 0

    def _of_this_loop(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        for old in [one for one in self._gates if one.is_closed()]:
            del self._gates[old]
        return self._gates.setdefault(loop, asyncio.Semaphore(AT_ONCE))

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for one's turn; Unavailable when too many wait already."""
        if self.waiting >= LONGEST_QUEUE:
            raise Unavailable("登录人数过多, 请稍后重试", "Too many logins at once", retry_after=3)
        self.waiting += 1
        try:
            async with self._of_this_loop():
                yield
        finally:
            self.waiting -= 1


gate = Gate()


async def hashed(password: str) -> str:
    """The hash to keep."""
    async with gate.turn():
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, kept: str | None) -> bool:
    """Whether the password is the kept one; without a kept one it takes as long and is False."""
    async with gate.turn():
        found = await asyncio.to_thread(_hasher.verify, password, kept or _decoy())
    return found and bool(kept)


@cache
def _decoy() -> str:
    return _hasher.hash("nobody's password")


async def require_strong(work: Work, account_id: str, password: str, pointer: str) -> None:
    """Invalid unless the password keeps the dated rule `auth.password`: length, kinds of characters, not the name."""
    rule = (await work.rule("auth.password")).value
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
        faults = [Fault("weak_password", words, "The password is too weak", pointer)]
        raise Invalid(words, "The password is too weak", faults=faults)
