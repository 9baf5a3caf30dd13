"""Every rule by its name: `alert.<name>` in the rule files says how it is set."""

from collections.abc import Awaitable, Callable

from services.funds.watching.flows import break_down, fee, idle, slow
from services.funds.watching.hits import Hit, Look
from services.funds.watching.openness import target_late, unpublished
from services.funds.watching.payments import ahead, evidence, payee, purpose, same_day, split, subject

PREFIX = "alert."
WATCHES: dict[str, Callable[[Look], Awaitable[list[Hit]]]] = {
    "idle": idle,
    "break_down": break_down,
    "slow": slow,
    "ahead": ahead,
    "evidence": evidence,
    "split": split,
    "same_day": same_day,
    "payee": payee,
    "purpose": purpose,
    "subject": subject,
    "fee": fee,
    "unpublished": unpublished,
    "target_late": target_late,
}
