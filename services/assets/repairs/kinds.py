"""Code sets of repairs."""

from shared.labels import Labelled


class Source(Labelled):
    """报修来源."""

    SCAN = "scan", "扫码报修"
    INSPECTION = "inspection", "巡查发现"
    KEEPER = "keeper", "管护人员上报"
