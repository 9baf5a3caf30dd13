"""Password hashing with Argon2 in a bounded number of threads, so that many logins at once do not block other requests."""

import asyncio
import math
import re
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.identity.policy import PASSWORD
from shared.errors import FieldError, Invalid, Unavailable
from shared.settings import KNOWN_SECRETS
from shared.unit_of_work import UnitOfWork

MIN_GUESSES = 10.0**9
"""Guesses that a password must stand: with Argon2 that is years for one machine."""
MAX_ESTIMATED_LENGTH = 72
"""Characters of a password that are judged; the estimate takes long for more, and more is not weaker."""
COMMON_WORDS_FILE = Path(__file__).parents[1] / "data" / "common-words.txt"
MAX_CONCURRENT_HASHES = 2
MAX_HASH_WAIT_S = 4.0
"""A login whose hash would begin later than that gets 503 with Retry-After at once."""
FIRST_HASH_S = 0.1
"""Seconds that a hash is assumed to take before the first was measured."""
_hasher = PasswordHash((Argon2Hasher(),))


class HashSemaphore:
    """Limits this process to MAX_CONCURRENT_HASHES hashes at a time; the queue before them is bounded by time.

    The next slot goes to the address that got one longest ago: a storm from one address delays only itself.
    """

    def __init__(self) -> None:
        self.hash_s = FIRST_HASH_S
        """Seconds of a hash, averaged over the last ones."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = 0
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def expect_wait(self, source: str) -> float:
        """Seconds until a hash asked for by this address now would begin."""
        if self._running < MAX_CONCURRENT_HASHES:
            return 0.0
        own = len(self._queues.get(source, ())) + 1
        ahead = sum(min(len(queue), own) for name, queue in self._queues.items() if name != source) + own
        return ahead * self.hash_s / MAX_CONCURRENT_HASHES

    @asynccontextmanager
    async def slot(self, source: str = "") -> AsyncGenerator[None]:
        """Wait for a slot; raises Unavailable when that would take too long."""
        if self._loop is not asyncio.get_running_loop():  # nothing of an event loop that ended goes on
            self._loop, self._running, self._queues = asyncio.get_running_loop(), 0, OrderedDict()
        wait = self.expect_wait(source)
        if wait > MAX_HASH_WAIT_S:
            raise Unavailable(
                "登录人数过多, 请稍后重试", "Too many logins at once", retry_after=math.ceil(wait)
            )
        if self._running >= MAX_CONCURRENT_HASHES:
            await self._wait(source)
        else:
            self._running += 1
        began = time.perf_counter()
        try:
            yield
        finally:
            self.hash_s += (time.perf_counter() - began - self.hash_s) / 8
            self._hand_on()

    async def _wait(self, source: str) -> None:
        """Join the queue of an address; the slot is this caller's when the wait ends."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(source, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        """Give the slot to the next address in turn, or free it."""
        while self._queues:
            source, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[source] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1


hash_semaphore = HashSemaphore()


async def hash_password(password: str) -> str:
    """Hash a password for storage."""
    async with hash_semaphore.slot():
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(password: str, stored_hash: str | None, source: str = "") -> bool:
    """Whether the password matches the hash. Without a hash, returns False after the same time.

    `source` is the caller's address: addresses take turns.
    """
    async with hash_semaphore.slot(source):
        matches = await asyncio.to_thread(_hasher.verify, password, stored_hash or _dummy_hash())
    return matches and bool(stored_hash)


@cache
def _dummy_hash() -> str:
    return _hasher.hash("nobody's password")


async def require_strong_password(
    work: UnitOfWork, words: Sequence[str], password: str, pointer: str, region: str | None = None
) -> None:
    """Invalid unless the password keeps rule `auth.password` of the account's region and is not one that people guess first.

    `words` are the name of the account and of its person: a password that is built on them is refused.
    """
    rule = (await work.get_rule(PASSWORD, region=region)).value
    tests = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    kinds = sum(any(test(one) for one in password) for test in tests)
    detail = ""
    if len(password) < rule.least:
        detail = f"口令至少 {rule.least} 位"
    elif kinds < rule.kinds:
        detail = f"口令须含大写字母、小写字母、数字、符号中的至少 {rule.kinds} 种"
    elif any(one.lower() in password.lower() for one in words if one):
        detail = "口令不能包含用户名或姓名"
    elif password in KNOWN_SECRETS or await asyncio.to_thread(_is_guessable, password, tuple(words)):
        detail = "这个口令太常见或太容易猜到, 请换一个: 不要用常用口令、名字、年份、键盘顺序或重复的字符"
    if detail:
        errors = [FieldError("weak_password", detail, "The password is too weak", pointer)]
        raise Invalid(detail, "The password is too weak", errors=errors)


def _is_guessable(password: str, words: tuple[str, ...]) -> bool:
    """Whether a program that knows common and breached passwords, names and words guesses it within `MIN_GUESSES`."""
    names = [text for one in words for text in (one, *re.split(r"[._-]", one), _to_pinyin(one)) if text]
    from zxcvbn import zxcvbn  # its lists of words take 14 MB

    estimate = zxcvbn(password[:MAX_ESTIMATED_LENGTH], user_inputs=[*names, *_load_common_words()])
    return float(estimate["guesses"]) < MIN_GUESSES


def _to_pinyin(name: str) -> str:
    from pypinyin import lazy_pinyin  # its dictionary takes 57 MB

    return "".join(lazy_pinyin(name)) if not name.isascii() else ""


@cache
def _load_common_words() -> tuple[str, ...]:
    """Words that people here build passwords on, which lists from abroad do not hold."""
    return tuple(COMMON_WORDS_FILE.read_text(encoding="utf-8").split())
