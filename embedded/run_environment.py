"""Environment of a run on one machine: a locked data folder, its secrets, and the settings of every service."""

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from embedded.pages import PAGES
from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import list_services
from shared.settings import Settings, StartupError

HOST = "127.0.0.1"
WELCOME_TEXT = """衔接 Xianjie  {url}        (Ctrl-C 结束)
  办公端     {url}/desk/    手机端 {url}/m/    (第一次启动时页面约一分钟后生成)
  接口文档   {url}/docs
  公示(免登录) {url}/api/v1/public/notices
  演示账号   用户名即角色: village_clerk cadre town_officer line_bureau bureau finance leader auditor admin
  密码       Xianjie-2022     机器客户端 finance-bureau / Xianjie-2022
  数据       {var}
"""


def create_data_folder(name: str) -> Path:
    """Create the data folder if missing; raises StartupError when it is not writable."""
    path = Path(name).resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise StartupError(f"数据目录不可写: {path} ({error.strerror})") from error
    return path


def lock_data_folder(var: Path) -> TextIO:
    """Lock the folder until the returned file is closed; raises StartupError when another process holds the lock."""
    lock = (var / "lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StartupError(
            f"数据目录 {var} 正被另一个衔接进程使用, 请先结束它, 或用 make run VAR=… 另选一个"
        ) from error
    return lock


def claim_data_folder(var: str, stack: ExitStack) -> Path:
    """Create and lock the data folder until the stack is closed."""
    home = create_data_folder(var)
    stack.enter_context(lock_data_folder(home))
    return home


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
