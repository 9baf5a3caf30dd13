"""Every rule by its name: `alert.<name>` in the rule files says how it is set."""

from services.funds.watching.flows import break_down, fee, idle, slow
from services.funds.watching.openness import target_late, unpublished
from services.funds.watching.payments import ahead, evidence, held, payee, purpose, same_day, split, subject
from shared.alerts.hits import Watch

PREFIX = "alert."
WATCHES: dict[str, Watch] = {
    "idle": idle,
    "break_down": break_down,
    "slow": slow,
    "ahead": ahead,
    "evidence": evidence,
    "split": split,
    "same_day": same_day,
    "payee": payee,
    "purpose": purpose,
    "held": held,
    "subject": subject,
    "fee": fee,
    "unpublished": unpublished,
    "target_late": target_late,
}
