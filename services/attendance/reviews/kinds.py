"""Code sets of reviews."""

from shared.labels import Labelled


class Oddity(Labelled):
    """疑点: for a person to look at; nobody is punished by a machine."""

    MOCK = "mock", "手机报告为模拟定位"
    CLOCK = "clock", "手机时间与服务器相差较大"
    PRECISE = "precise", "定位精度不合常理"
    SAME_PLACE = "same_place", "多日坐标完全相同"
    SPEED = "speed", "两次打卡之间的速度不可能"
    SHARED_DEVICE = "shared_device", "一部手机为多人打卡"
    SAME_SECOND = "same_second", "多日在同一秒打卡"
    NEW_DEVICE = "new_device", "不是常用手机"
    UNSETTLED = "unsettled", "证据不足以认定"
