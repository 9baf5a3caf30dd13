"""Passwords: Argon2 in a bounded number of threads, so that a rush of logins cannot starve everything else."""

import asyncio
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

AT_ONCE = 2
_hasher = PasswordHash((Argon2Hasher(),))


class Gate:
    """At most `AT_ONCE` hashes at a time in this process."""

    def __init__(self) -> None:
        self._gates: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}

    def __call__(self) -> asyncio.Semaphore:
        """The semaphore of the running loop."""
        loop = asyncio.get_running_loop()
        for old in [one for one in self._gates if one.is_closed()]:
            del self._gates[old]
        return self._gates.setdefault(loop, asyncio.Semaphore(AT_ONCE))


_gate = Gate()


async def hashed(password: str) -> str:
    """The hash to keep."""
    async with _gate():
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, kept: str | None) -> bool:
    """Whether the password is the kept one; without a kept one it takes as long and is False."""
    async with _gate():
        found = await asyncio.to_thread(_hasher.verify, password, kept or _decoy())
    return found and kept is not None


@cache
def _decoy() -> str:
    return _hasher.hash("nobody's password")
