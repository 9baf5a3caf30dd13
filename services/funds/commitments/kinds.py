"""Code sets of commitments."""

from shared.labels import Labelled


class CommitmentState(Labelled):
    """登记状态. `pending` and `releasing` are half done: the reconciler finishes or undoes them."""

    PENDING = "pending", "登记中"
    HELD = "held", "已登记"
    RELEASING = "releasing", "撤销中"
    RELEASED = "released", "已撤销"
