"""The services. Made by `make docs` from services/*/service.toml; edit those instead."""

from shared.china import LabelledEnum


class ServiceName(LabelledEnum):
    """Chinese names of services for messages."""

    IDENTITY = "identity", "账号服务"
    ASSETS = "assets", "资产服务"
    ATTENDANCE = "attendance", "驻村服务"
    FILES = "files", "文件服务"
    FUNDS = "funds", "资金服务"
    HOUSEHOLDS = "households", "防返贫监测"
    PROJECTS = "projects", "项目库"
    RECTIFICATION = "rectification", "整改服务"
    SYNC = "sync", "同步服务"
    WORKPLAN = "workplan", "要点任务服务"
