"""Environment of a run on one machine: its secrets and the settings of every service."""

import os
from pathlib import Path

from embedded.pages import PAGES
from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import list_services
from shared.settings import Settings

HOST = "127.0.0.1"
WELCOME_TEXT = """衔接 Xianjie  {url}        (Ctrl-C 结束)
  办公端     {url}/desk/    手机端 {url}/m/    (第一次启动时页面约一分钟后生成)
  接口文档   {url}/docs
  公示(免登录) {url}/api/v1/public/notices
  演示账号   用户名即角色: village_clerk cadre town_officer line_bureau bureau finance leader auditor admin
  密码       Xianjie-2022     机器客户端 finance-bureau / Xianjie-2022
  数据       {var}
"""


def build_settings(home: Path, port: int, peers: dict[str, int] | None = None) -> dict[str, Settings]:
    """Build the settings of every service; `peers` are the services' ports when each runs in its own process."""
    values = {
        "embedded": True,
        "second_factor": False,
        "var": home,
        "pages": Path(os.environ.get("XIANJIE_PAGES", PAGES)),
        "public_url": f"http://{HOST}:{port}",
        "peers": {name: f"http://{HOST}:{number}" for name, number in (peers or {}).items()},
        "log_level": os.environ.get("XIANJIE_LOG_LEVEL", "WARNING"),
        **load_or_create_secrets(home),
    }
    names = list_services()
    keys = create_service_keys(names)
    return {name: Settings.load(name, **values, **keys[name]) for name in names}


def format_welcome(settings: Settings) -> str:
    """Format the text that is printed after the start."""
    return WELCOME_TEXT.format(url=settings.public_url, var=settings.var)
