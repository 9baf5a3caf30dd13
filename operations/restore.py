"""`python -m operations.restore FROM VAR`: an installation from a backup, into an empty place.

Restores databases (to `<SERVICE>_DATABASE_URL`, else SQLite files in VAR), files and secrets, compares them with the
manifest, upgrades the schema, and begins a new epoch in every log, so that readers of the lost log start again (410)
instead of skipping events. Refuses a backup that is incomplete, changed, sealed with another key or made by a newer
program, and a target that runs or holds something. A restore that fails leaves nothing behind.
"""

import argparse
import asyncio
import hmac
import json
import os
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import obstore
import psycopg
import sqlalchemy as sa
from psycopg import sql

from operations.backup import FORMAT, KEYS, MAC, MANIFEST, add_lock_options, digest_file, sign_manifest
from operations.installation import Installation, OperationRefused, describe_location
from operations.postgres_programs import run_program
from operations.sealing import Lock
from operations.snapshots import Snapshot, compare_snapshots
from shared.app.data_folder import create_data_folder, lock_data_folder
from shared.app.restore_mark import mark_restored
from shared.db.migrate import IncompatibleDatabase, has_database, list_trees, upgrade_database
from shared.settings import StartupError


@dataclass(frozen=True)
class Backup:
    """A backup whose manifest, keys and files were checked."""

    folder: Path
    manifest: dict[str, Any]
    secrets: dict[str, str]
    """Content of each secret file by its name."""

    @property
    def services(self) -> dict[str, Any]:
        """What the manifest says of each service."""
        found: dict[str, Any] = self.manifest["services"]
        return found


def open_backup(folder: Path, lock: Lock) -> Backup:
    """Check a backup from manifest to last file; OperationRefused says what is wrong with it."""
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = json.loads(content)
        sealed, mac = (folder / KEYS).read_bytes(), (folder / MAC).read_text("utf-8")
        if manifest["format"] > FORMAT:
            raise OperationRefused("这个备份由更新的程序所做, 请使用那个版本的程序恢复")
        files = manifest["files"]
    except FileNotFoundError as error:
        raise OperationRefused(f"备份不完整, 缺少文件: {error.filename}。请换一份备份") from error
    except (ValueError, KeyError, TypeError) as error:
        raise OperationRefused(f"备份的清单被改动过, 读不出: {folder / MANIFEST}。请换一份备份") from error
    _check_file(folder, KEYS, files.get(KEYS, [0, ""]))
    opened = json.loads(lock.open(sealed))
    if not hmac.compare_digest(mac, sign_manifest(content, bytes.fromhex(opened["mac_key"]))):
        raise OperationRefused(f"备份的清单被改动过: {folder / MANIFEST}。请换一份备份")
    for name, described in files.items():
        _check_file(folder, name, described)
    _check_version(manifest["services"])
    return Backup(folder, manifest, opened["files"])


def _check_file(folder: Path, name: str, described: list[Any]) -> None:
    path = folder / name
    if not path.is_file():
        raise OperationRefused(f"备份不完整, 缺少文件: {path}。请换一份备份")
    if [path.stat().st_size, digest_file(path)] != described:
        raise OperationRefused(f"备份的文件被改动过或已损坏: {path}。请换一份备份")


def _check_version(services: dict[str, Any]) -> None:
    for name, described in services.items():
        known = {tree.version_table: tree.list_revisions() for tree in list_trees(name)}
        newer = [one for table, one in described["revisions"].items() if one not in known.get(table, [])]
        if not has_database(name) or newer:
            raise OperationRefused(
                f"这个备份由更新的程序所做({name} 的版本 {'、'.join(newer) or '未知'}), 请使用那个版本的程序恢复"
            )


def restore_backup(backup: Backup, installation: Installation) -> None:
    """Restore into an empty installation; when that fails, it is empty again."""
    for name, described in backup.services.items():
        is_file = described["database"].endswith(".db")
        if is_file != installation.databases[name].startswith("sqlite"):
            kind = "SQLite" if is_file else "PostgreSQL"
            raise OperationRefused(
                f"{name} 的备份是 {kind} 的, 请把 {name.upper()}_DATABASE_URL 设为这种数据库"
            )
    with _claim_folder(installation), ExitStack() as undo:
        undo.callback(_empty_folder, installation.home)
        for name in backup.services:
            _claim_database(name, installation.databases[name], undo)
        for name, described in backup.services.items():
            _restore_database(
                backup.folder / "databases" / described["database"], installation.databases[name]
            )
        check_restored(backup, installation)
        _restore_files(backup, installation)
        for name, content in backup.secrets.items():
            path = installation.home / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(content, encoding="utf-8")
        for name in backup.services:
            _begin_epoch(name, installation.databases[name])
        undo.pop_all()


def _begin_epoch(name: str, url: str) -> None:
    try:
        upgrade_database(name, url)
    except IncompatibleDatabase as error:
        raise OperationRefused(str(error)) from error
    asyncio.run(mark_restored(url))


def _claim_folder(installation: Installation) -> TextIO:
    """Lock an empty data folder."""
    try:
        home = create_data_folder(installation.home)
        lock = lock_data_folder(home)
    except StartupError as error:
        raise OperationRefused(str(error)) from error
    held = sorted(path.name for path in home.iterdir() if path.name not in {"lock", "files"})
    held += [str(path.relative_to(home)) for path in (home / "files").rglob("*") if path.is_file()][:1]
    if held:
        lock.close()
        raise OperationRefused(f"数据目录不是空的: {home} ({'、'.join(held[:5])}), 请给出一个新目录")
    return lock


def _empty_folder(home: Path) -> None:
    for path in home.iterdir():
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _claim_database(name: str, url: str, undo: ExitStack) -> None:
    """Take an empty database of PostgreSQL, made when it is missing; SQLite's lie in the folder."""
    if url.startswith("sqlite"):
        return
    place = sa.make_url(url)
    try:
        server = psycopg.connect(to_conninfo(place.set(database="postgres")), autocommit=True)
    except psycopg.OperationalError as error:
        raise OperationRefused(f"{name} 的数据库服务器连不上: {describe_location(url)} ({error})") from error
    with server:
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (place.database,)).fetchone()
        if not known:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(place.database))))
            undo.callback(drop_database, url)
            return
        busy = server.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (place.database,))
        if (busy.fetchone() or (0,))[0]:
            raise OperationRefused(f"{name} 的数据库正在使用: {describe_location(url)}, 请先停止服务")
    with psycopg.connect(to_conninfo(place)) as own:
        if own.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1").fetchone():
            raise OperationRefused(f"{name} 的数据库不是空的: {describe_location(url)}, 请换一个空库")
    undo.callback(drop_database, url, create_again=True)


def to_conninfo(place: sa.URL) -> str:
    """A URL as libpq reads it."""
    return place.set(drivername="postgresql").render_as_string(hide_password=False)


def drop_database(url: str, *, create_again: bool = False) -> None:
    """Remove a database of PostgreSQL with everything in it."""
    place = sa.make_url(url)
    name = sql.Identifier(str(place.database))
    with psycopg.connect(to_conninfo(place.set(database="postgres")), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        if create_again:
            server.execute(sql.SQL("CREATE DATABASE {}").format(name))


def _restore_database(source: Path, url: str) -> None:
    place = sa.make_url(url)
    if source.suffix == ".db":
        target = Path(str(place.database))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    else:
        database = str(place.database)
        run_program(
            "pg_restore", url, "--no-owner", "--no-acl", "--exit-on-error", "--single-transaction",
            f"--dbname={database}", str(source),
        )  # fmt: skip


def _restore_files(backup: Backup, installation: Installation) -> None:
    store = installation.open_store()
    for name in backup.manifest["files"]:
        top, _, path = name.partition("/")
        if top == "files":
            with (backup.folder / name).open("rb") as file:
                obstore.put(store, path, file)


def check_restored(backup: Backup, installation: Installation) -> None:
    """Compare restored databases with the manifest and with each other; OperationRefused names the first difference."""
    with ExitStack() as stack:
        snapshots = {}
        for name, described in backup.services.items():
            snapshots[name] = Snapshot(name, installation.databases[name]).open()
            stack.callback(snapshots[name].close)
            found = snapshots[name].describe()
            for part, value in found.items():
                if value != described[part]:
                    raise OperationRefused(
                        f"恢复的 {name} 与备份清单不符({part}): {value} ≠ {described[part]}"
                    )
        if disagreements := compare_snapshots(snapshots):
            raise OperationRefused("备份里各服务的数据库彼此不一致: " + "; ".join(map(str, disagreements)))


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="FROM")
    parser.add_argument("home", type=Path, metavar="VAR")
    add_lock_options(parser)
    asked = parser.parse_args(arguments)
    os.umask(0o077)
    try:
        lock = Lock.choose(asked.recipient, asked.identity, asked.passphrase_file)
        backup = open_backup(asked.source, lock)
        restore_backup(backup, Installation.find(asked.home))
    except (OperationRefused, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"已恢复到 {asked.home}: 时点 {backup.manifest['taken_at']}, {len(backup.services)} 个服务, 各进入新的纪元。"
        f"密钥文件: {'、'.join(backup.secrets)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
