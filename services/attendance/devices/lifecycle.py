"""The life of a person's phone, on one screen."""

from dataclasses import dataclass

from shared.errors import Fault
from shared.labels import Labelled
from shared.lifecycle import Lifecycle, move
from shared.permissions import May


class DeviceState(Labelled):
    """常用手机状态."""

    PENDING = "pending", "待批准"
    BOUND = "bound", "常用"
    REFUSED = "refused", "未批准"
    RELEASED = "released", "已解绑"

    @property
    def trusted(self) -> bool:
        """Whether check-ins with it are not asked about."""
        return self is DeviceState.BOUND


class DeviceAction(Labelled):
    """常用手机办理事项."""

    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    RELEASE = "release", "解绑"


@dataclass(frozen=True)
class DeviceFacts:
    """What the guards look at."""

    bound: int
    most: int
    reason: str = ""


def room_left(facts: DeviceFacts) -> Fault | None:
    """常用手机未满; 已满的请先解绑一部."""
    if facts.bound < facts.most:
        return None
    return Fault("full", f"常用手机最多 {facts.most} 部, 请先解绑一部", "Release another first")


def reasoned(facts: DeviceFacts) -> Fault | None:
    """写明理由."""
    return None if facts.reason.strip() else Fault("no_reason", "须写明理由", "A reason is needed", "/reason")


S, A = DeviceState, DeviceAction

# fmt: off
DEVICE: Lifecycle[DeviceState, DeviceAction, DeviceFacts] = Lifecycle("device", "常用手机", DeviceState, S.PENDING, (
    #    action      from                                 to          who                  needs
    move(A.APPROVE,  (S.PENDING, S.REFUSED, S.RELEASED),  S.BOUND,    May.PRESENCE_REVIEW, room_left,
         eyes=("person",)),
    move(A.REFUSE,   S.PENDING,                           S.REFUSED,  May.PRESENCE_REVIEW, reasoned, eyes=("person",)),
    move(A.RELEASE,  S.BOUND,                             S.RELEASED, May.CHECK_IN),
))
# fmt: on
