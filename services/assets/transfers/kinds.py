"""Code sets of documents."""

from shared.labels import Labelled


class TransferKind(Labelled):
    """文书种类."""

    RIGHTS = "rights", "确权"
    HAND_OVER = "hand_over", "移交"
    OWNER = "owner", "权属变更"
