"""How many requests a caller may send: per person, machine client or address, counted by every service for itself.

Counted in the memory of the process: with two replicas the ceiling is twice as high. Sign-in attempts and writes without
login are counted exactly, in identity's database (services/identity/rate_windows). Settings change the figures.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from shared.errors import RateLimited
from shared.http.callers import Caller

DEFAULT_RATES = {
    "login_account": "10/minute",
    "login_address": "60/minute",
    "anonymous_write": "60/hour",
    "address": "300/minute",
    "user_read": "900/minute",
    "user_write": "300/minute",
    "machine": "3000/minute",
    "heavy": "30/minute",
    "sync_items": "2000/10 minutes",
}
"""Per account name and per address when signing in; writes without login per address (these three in identity's
database); requests per address without login, per person, per machine; exports and imports; items of batches per person."""
HEAVY_SUFFIXES = ("/export", "/imports")
SWEEP_THRESHOLD = 10_000
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class MemoryStorage(Storage):
    """Fixed windows in memory by the service's clock; old ones are swept when there are many."""

    STORAGE_SCHEME = ["xianjie"]  # noqa: RUF012 - the base class wants a list

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = SWEEP_THRESHOLD
        super().__init__()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a broken storage raises; memory does not break."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` in the key's window, which lasts `expiry` seconds from its first count."""
        now = self.clock().timestamp()
        count, ends = self.windows.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + expiry
            if len(self.windows) >= self._sweep_at:
                self.windows = {one: window for one, window in self.windows.items() if window[1] > now}
                # Twice what stays: when a nation knocks within a minute, most windows are still open.
                self._sweep_at = max(SWEEP_THRESHOLD, 2 * len(self.windows))
        self.windows[key] = (count + amount, ends)
        return count + amount

    def get(self, key: str) -> int:
        """Counted so far in the key's window."""
        count, ends = self.windows.get(key, (0, 0.0))
        return count if ends > self.clock().timestamp() else 0

    def get_expiry(self, key: str) -> float:
        """When the key's window ends, seconds since 1970."""
        now = self.clock().timestamp()
        return max(self.windows.get(key, (0, now))[1], now)

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int | None:
        """Forget every window; how many there were."""
        found = len(self.windows)
        self.windows.clear()
        return found

    def clear(self, key: str) -> None:
        """Forget one window."""
        self.windows.pop(key, None)


class RateLimiter:
    """The limits in force."""

    def __init__(self, given: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        self.items: dict[str, RateLimitItem] = {
            name: parse(text) for name, text in (DEFAULT_RATES | dict(given)).items()
        }
        self.storage = MemoryStorage(clock)
        self.limiter = FixedWindowRateLimiter(self.storage)
        self.clock = clock

    def count_request(self, caller: Caller, method: str, path: str) -> None:
        """Count one request; TooMany when it is over its caller's limit."""
        match caller.kind:
            case "user":
                rate = "user_read" if method in READ_METHODS else "user_write"
            case kind:
                rate = kind
        self._count(rate, caller.kind, caller.name)
        if path.endswith(HEAVY_SUFFIXES):
            self._count("heavy", caller.kind, caller.name)

    def count_items(self, rate: str, name: str, number: int) -> None:
        """Count many things of one person at once; RateLimited when they are over the limit together."""
        item = self.items[rate]
        if not self.limiter.hit(item, rate, name, cost=number):
            ends = self.limiter.get_window_stats(item, rate, name).reset_time
            raise rate_limited_error(item, ends - self.clock().timestamp())

    def _count(self, rate: str, *key: Any) -> None:  # noqa: ANN401 - texts
        item = self.items[rate]
        if not self.limiter.hit(item, rate, *key):
            ends = self.limiter.get_window_stats(item, rate, *key).reset_time
            raise rate_limited_error(item, ends - self.clock().timestamp())


def parse_rate(given: Mapping[str, str], rate: str) -> RateLimitItem:
    """One limit in force: as set, else the default."""
    return parse((DEFAULT_RATES | dict(given))[rate])


def rate_limited_error(item: RateLimitItem, seconds_left: float) -> RateLimited:
    """429 with the seconds after which the window is over."""
    seconds = max(1, int(seconds_left) + 1)
    return RateLimited(
        f"请求过于频繁(每{_format_period(item)}最多 {item.amount} 次), 请 {seconds} 秒后再试",
        f"More than {item.amount} per {item.GRANULARITY.name}; try again in {seconds} seconds",
        headers={"Retry-After": str(seconds)},
    )


def _format_period(item: RateLimitItem) -> str:
    words = {"second": "秒", "minute": "分钟", "hour": "小时", "day": "天"}
    multiple = str(item.multiples) if item.multiples != 1 else ""
    return f"{multiple}{words.get(item.GRANULARITY.name, item.GRANULARITY.name)}"
