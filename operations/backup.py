"""`python -m operations.backup VAR TO`: a backup of the whole installation at one instant, while it runs on.

The folder TO gets `manifest.json` (what was saved, with digests, log positions and row counts), `manifest.mac`, `keys.sealed`
(secrets, sealed), `databases/`, `files/`. Databases are SQLite files or, where `<SERVICE>_DATABASE_URL` names PostgreSQL,
dumps of pg_dump in its custom format. `--new-key FILE` makes a key pair, whose public half `--recipient` takes.
"""

import argparse
import hashlib
import hmac
import json
import os
import secrets
import shutil
import sqlite3
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore

from operations.installation import SECRETS_FILE, Installation, OperationRefused, list_stored_paths
from operations.postgres_programs import run_program
from operations.sealing import Lock, create_identity
from operations.snapshots import Snapshot, compare_snapshots
from shared import clock

FORMAT = 1
MAX_ATTEMPTS = 50
"""Tries to find an instant at which the services agree, a growing pause apart."""
MAX_PAUSE_S = 0.5
CHUNK_BYTES = 1024 * 1024
MANIFEST, MAC, KEYS = "manifest.json", "manifest.mac", "keys.sealed"


@dataclass
class Barrier:
    """The instant of a backup: a snapshot of each service, and how many tries it took."""

    snapshots: dict[str, Snapshot]
    attempts: int
    taken_at: str


def find_barrier(installation: Installation, stack: ExitStack) -> Barrier:
    """Open snapshots that agree; OperationRefused when the services do not agree in any of the tries."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        opened = ExitStack()
        taken_at = clock.now().isoformat()
        snapshots: dict[str, Snapshot] = {}
        try:
            for name, url in installation.databases.items():
                snapshots[name] = Snapshot(name, url).open()
                opened.callback(snapshots[name].close)
            found = compare_snapshots(snapshots)
        except BaseException:
            opened.close()
            raise
        if not found:
            stack.push(opened.pop_all())
            return Barrier(snapshots, attempt, taken_at)
        opened.close()
        time.sleep(min(0.01 * attempt, MAX_PAUSE_S))
    raise OperationRefused(
        "各服务的数据库彼此不一致, 没有做备份: "
        + "; ".join(map(str, found))
        + "。如果刚恢复过其中一个库, 请先启动系统, 等事件补送完再备份"
    )


def take_backup(installation: Installation, to: Path, lock: Lock, secrets_at: list[Path]) -> dict[str, Any]:
    """Write a backup into a new folder; its manifest. OperationRefused when the folder is not empty.

    `secrets_at` names files, and folders of files.
    """
    if to.exists() and any(to.iterdir()):
        raise OperationRefused(f"目标目录不是空的: {to}, 请给出一个新目录")
    missing = [str(path) for path in secrets_at if not path.exists()]
    secret_files = {name: path for one in secrets_at for name, path in _list_secret_files(one).items()}
    if missing or not secret_files:
        raise OperationRefused(
            f"找不到密钥文件 {'、'.join(missing)}: 没有它们, 恢复后的个人信息打不开。请用 --secrets 给出"
        )
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    to.chmod(0o700)
    with ExitStack() as stack:
        barrier = find_barrier(installation, stack)
        services = {name: one.describe() for name, one in barrier.snapshots.items()}
        for name, snapshot in barrier.snapshots.items():
            services[name]["database"] = _save_database(snapshot, to / "databases")
    _save_files(installation, to / "files")
    mac_key = secrets.token_bytes(32)
    sealed = {
        "mac_key": mac_key.hex(),
        "files": {name: path.read_text("utf-8") for name, path in secret_files.items()},
    }
    (to / KEYS).write_bytes(lock.seal(json.dumps(sealed).encode()))
    manifest = {
        "format": FORMAT,
        "taken_at": barrier.taken_at,
        "finished_at": clock.now().isoformat(),
        "attempts": barrier.attempts,
        "services": services,
        "files": describe_files(to),
    }
    content = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    (to / MANIFEST).write_bytes(content)
    (to / MAC).write_text(sign_manifest(content, mac_key), encoding="utf-8")
    _flush(to)
    return manifest


def _list_secret_files(path: Path) -> dict[str, Path]:
    """A file by its name, or the files of a folder by folder/name."""
    if path.is_dir():
        return {f"{path.name}/{file.name}": file for file in path.iterdir() if file.is_file()}
    return {path.name: path}


def _save_database(snapshot: Snapshot, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    if snapshot.exported:
        path = folder / f"{snapshot.service}.dump"
        run_program(
            "pg_dump", snapshot.url, "--format=custom", "--no-owner", "--no-acl",
            f"--snapshot={snapshot.exported}", f"--file={path}",
        )  # fmt: skip
        return path.name
    path = folder / f"{snapshot.service}.db"
    running = snapshot.connection.connection.driver_connection
    with closing(sqlite3.connect(path)) as copy:
        running.backup(copy)  # type: ignore[union-attr]
        copy.execute("PRAGMA journal_mode=DELETE")
    return path.name


def _save_files(installation: Installation, folder: Path) -> None:
    """Copy all contents; they never change, so those of the instant are among those found after it."""
    store = installation.open_store()
    for path in list_stored_paths(store):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("wb") as file:
                for chunk in obstore.get(store, path).stream(min_chunk_size=CHUNK_BYTES):
                    file.write(chunk)
        except FileNotFoundError:  # removed since it was listed: its record went with it
            target.unlink()


def digest_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_files(folder: Path) -> dict[str, list[Any]]:
    """Size and digest of every file of a backup but the manifest and its MAC."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in {MANIFEST, MAC})
    return {str(path.relative_to(folder)): [path.stat().st_size, digest_file(path)] for path in paths}


def sign_manifest(content: bytes, mac_key: bytes) -> str:
    """HMAC-SHA256 of a manifest; its key lies sealed beside it."""
    return hmac.new(mac_key, content, hashlib.sha256).hexdigest()


def _flush(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def add_lock_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how keys are sealed or opened."""
    parser.add_argument("--passphrase-file", type=Path)
    parser.add_argument("--recipient", default="", help="seal to this public key")
    parser.add_argument("--identity", type=Path, help="file with the private key")


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path, nargs="?", metavar="VAR")
    parser.add_argument("to", type=Path, nargs="?", metavar="TO")
    parser.add_argument(
        "--secrets",
        type=Path,
        action="append",
        help="file with secrets, or a folder of them; default VAR/secrets.json",
    )
    parser.add_argument("--new-key", type=Path)
    add_lock_options(parser)
    asked = parser.parse_args(arguments)
    os.umask(0o077)
    try:
        if asked.new_key:
            sys.stdout.write(f"{create_identity(asked.new_key)}\n")
            return 0
        if asked.to is None:
            parser.error("name the data folder and the folder of the backup")
        lock = Lock.choose(asked.recipient, asked.identity, asked.passphrase_file)
        installation, existed = Installation.find(asked.home), asked.to.exists()
        try:
            manifest = take_backup(installation, asked.to, lock, asked.secrets or [asked.home / SECRETS_FILE])
        except BaseException:
            if not existed:
                shutil.rmtree(asked.to, ignore_errors=True)
            raise
    except (OperationRefused, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    size = sum(size for size, _ in manifest["files"].values()) / 1024 / 1024
    sys.stdout.write(
        f"备份完成: {asked.to}, 时点 {manifest['taken_at']}, {len(manifest['files'])} 个文件, {size:.1f} MiB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
