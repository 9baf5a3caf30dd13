"""`python -m operations.restore_drill FROM`: restores a backup beside the running system, checks it, removes it again.

Databases go into a temporary folder (SQLite) or into new databases of the same server (PostgreSQL, `--server URL`).
Prints for each service rows, end of the log, the check of its seals and of its tables against it (fsck); then RPO (age of
the backup: what would be lost now) and RTO (seconds that the restore took).
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from operations.backup import add_lock_options
from operations.fsck import check_databases, compare_services
from operations.installation import Installation, OperationRefused
from operations.restore import Backup, drop_database, open_backup, restore_backup
from operations.sealing import Lock
from shared import clock
from shared.events.fsck import FsckReport


def plan_installation(backup: Backup, folder: Path, server: str) -> Installation:
    """A place beside the running system; OperationRefused when a dump of PostgreSQL has no server to go to."""
    prefix, urls = f"drill_{secrets.token_hex(3)}", {}
    for name, described in backup.services.items():
        if described["database"].endswith(".db"):
            urls[name] = f"sqlite:///{folder / name}.db"
        elif server:
            urls[name] = f"{server.rstrip('/')}/{prefix}_{name}"
        else:
            raise OperationRefused("这是 PostgreSQL 的备份, 请用 --server postgresql://… 给出演练用的服务器")
    return Installation(folder, urls)


def describe_report(name: str, rows: int, report: FsckReport) -> list[str]:
    """One line for a service, and one for each difference."""
    log = "日志封印完好" if not report.log.faults else f"日志有 {len(report.log.faults)} 处不符"
    books = "账实一致" if not report.differences else f"账实 {len(report.differences)} 处不符"
    head = f"{name:<12} {rows:>9} 行  日志 {report.log.rows:>8} 条  {log}, {books}"
    return [head, *(f"  {one.words}" for one in report.differences)]


def run_drill(source: Path, lock: Lock, server: str) -> tuple[list[str], bool]:
    """Lines of the report, and whether everything is as it was saved."""
    began = time.monotonic()
    backup, lines, sound = open_backup(source, lock), [], True
    with tempfile.TemporaryDirectory(prefix="xianjie-drill-") as folder, ExitStack() as stack:
        installation = plan_installation(backup, Path(folder), server)
        restore_backup(backup, installation)
        for url in installation.databases.values():
            if not url.startswith("sqlite"):
                stack.callback(drop_database, url)
        took = time.monotonic() - began
        reports = asyncio.run(check_databases(installation.databases))
    for name, report in reports.items():
        sound = sound and not report.log.faults and not report.differences
        lines += describe_report(name, sum(backup.services[name]["rows"].values()), report)
    lines += [f"各服务之间(当时可能有事件在途): {words}" for words in compare_services(reports)]
    age = (clock.now() - datetime.fromisoformat(backup.manifest["taken_at"])).total_seconds()
    lines.append(f"RPO {age:.0f} 秒 (现在恢复会丢失的时间)  RTO {took:.1f} 秒 (校验并恢复所用的时间)")
    return lines, sound


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="FROM")
    parser.add_argument("--server", default="", help="postgresql://user:password@host:port for new databases")
    add_lock_options(parser)
    asked = parser.parse_args(arguments)
    os.umask(0o077)
    try:
        lines, sound = run_drill(
            asked.source, Lock.choose(asked.recipient, asked.identity, asked.passphrase_file), asked.server
        )
    except (OperationRefused, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
