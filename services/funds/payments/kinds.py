"""Code sets of payments."""

from shared.labels import Labelled


class PayeeKind(Labelled):
    """收款人类别."""

    COMPANY = "company", "单位"
    COLLECTIVE = "collective", "村集体经济组织"
    HOUSEHOLDS = "households", "农户(一卡通批量)"
