"""Code sets of alerts."""

from shared.labels import Labelled


class AlertKind(Labelled):
    """预警类别: 前三类按财政监控的分类."""

    DIRECTION = "direction", "流向"
    SPEED = "speed", "流速"
    AMOUNT = "amount", "流量"
    PROGRESS = "progress", "进度"
    OPERATION = "operation", "经营"
    KEEPING = "keeping", "管护"
    RECORD = "record", "账实"
    OTHER = "other", "其他"


class Light(Labelled):
    """预警灯."""

    RED = "red", "红灯"
    ORANGE = "orange", "橙灯"
    YELLOW = "yellow", "黄灯"


WORSE = (Light.YELLOW, Light.ORANGE, Light.RED)
"""Lights from mild to bad."""
