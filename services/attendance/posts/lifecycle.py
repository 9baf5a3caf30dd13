"""States, actions and guards of a registered phone."""

from dataclasses import dataclass

from services.attendance.guards import reason_given
from shared.auth import May
from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.lifecycle import Lifecycle, transition


class DeviceState(LabelledEnum):
    """常用手机状态."""

    PENDING = "pending", "待批准"
    BOUND = "bound", "常用"
    REFUSED = "refused", "未批准"
    RELEASED = "released", "已解绑"

    @property
    def is_trusted(self) -> bool:
        """True if check-ins with the phone raise no anomaly."""
        return self is DeviceState.BOUND


class DeviceAction(LabelledEnum):
    """常用手机办理事项."""

    APPROVE = "approve", "批准"
    REFUSE = "refuse", "不批准"
    RELEASE = "release", "解绑"


@dataclass(frozen=True)
class DeviceFacts:
    """Inputs of the guards."""

    bound_devices: int
    max_devices: int
    reason: str = ""


def below_device_limit(facts: DeviceFacts) -> FieldError | None:
    """常用手机未满; 已满的请先解绑一部."""
    if facts.bound_devices < facts.max_devices:
        return None
    return FieldError("full", f"常用手机最多 {facts.max_devices} 部, 请先解绑一部", "Release another first")


S, A = DeviceState, DeviceAction

# fmt: off
DEVICE: Lifecycle[DeviceState, DeviceAction, DeviceFacts] = Lifecycle("device", "常用手机", DeviceState, S.PENDING, (
    #          action     from                                to          who                  needs
    transition(A.APPROVE, (S.PENDING, S.REFUSED, S.RELEASED), S.BOUND,    May.PRESENCE_REVIEW, below_device_limit, four_eyes=("person",)),
    transition(A.REFUSE,  S.PENDING,                          S.REFUSED,  May.PRESENCE_REVIEW, reason_given, four_eyes=("person",)),
    transition(A.RELEASE, S.BOUND,                            S.RELEASED, May.CHECK_IN),
))
# fmt: on
