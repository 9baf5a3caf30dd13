"""The data folder of a run on one machine: databases, files and secrets, for its owner only (0700), one process at a time."""

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from shared.settings import StartupError

PRIVATE_UMASK = 0o077
"""What a process on this folder creates (databases, their journals, files) is for its owner only."""


def create_data_folder(name: str | Path) -> Path:
    """Create the folder if missing and close it to others; StartupError when it is not writable."""
    path = Path(name).resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        probe = path / f".probe-{os.getpid()}"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise StartupError(f"数据目录不可写: {path} ({error.strerror})") from error
    return path


def lock_data_folder(var: Path) -> TextIO:
    """Lock the folder until the returned file is closed; StartupError when another process holds the lock."""
    lock = (var / "lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StartupError(
            f"数据目录 {var} 正被另一个衔接进程使用, 请先结束它, 或用 make run VAR=… 另选一个"
        ) from error
    return lock


def claim_data_folder(var: str | Path, stack: ExitStack) -> Path:
    """Create and lock the data folder until the stack is closed; the process creates private files from here on."""
    os.umask(PRIVATE_UMASK)
    home = create_data_folder(var)
    stack.enter_context(lock_data_folder(home))
    return home
