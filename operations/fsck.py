"""fsck of a whole installation: each service's tables with its log, and services with each other.

    python -m operations.fsck --var FOLDER                 the SQLite files of a stopped run, a copy or a restored backup
    python -m operations.fsck --database funds=URL ...      databases by name, also on PostgreSQL
    python -m operations.fsck --url URL --token TOKEN       a running system, as an auditor

Prints what differs in plain words. Exit code 0: everything follows; 1: something does not; 2: it could not be asked.
"""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from shared.clients.service_names import ServiceName
from shared.db import Database
from shared.db.migrate import has_database
from shared.errors import ApiError
from shared.events.fsck import Fsck, FsckReport, check_service

POLL_S = 1.0
WAIT_S = 3600.0
COMPARED = (
    ("funds", "paid", "projects", "paid", "已支付"),
    ("funds", "allocated", "projects", "allocated", "已下达"),
)
"""Figures by project that two services hold; they are equal when all events have arrived."""


def list_services() -> list[str]:
    """Services with a database of their own."""
    return [str(name) for name in ServiceName if has_database(str(name))]


def load_fsck(service: str) -> Fsck:
    """What fsck knows of a service."""
    found: Fsck = importlib.import_module(f"services.{service}.fsck").FSCK
    return found


async def check_databases(urls: Mapping[str, str]) -> dict[str, FsckReport]:
    """Compare databases directly, one service after another."""
    reports = {}
    for service, url in urls.items():
        database = Database(url)
        try:
            reports[service] = await check_service(service, database, load_fsck(service))
        finally:
            await database.close()
    return reports


async def ask_services(http: httpx.AsyncClient, services: list[str]) -> dict[str, FsckReport]:
    """Have every service of a running system check itself, and wait for the results. HTTPError when one refuses."""
    reports: dict[str, FsckReport] = {}
    for service in services:
        (await http.post(f"/api/v1/{service}/log/fsck")).raise_for_status()
    for service in services:
        for _ in range(int(WAIT_S / POLL_S)):
            run = (await http.get(f"/api/v1/{service}/log/fsck")).raise_for_status().json()
            if run["state"] == "failed":
                raise httpx.HTTPError(f"{service}: {run['failure']}")
            if run["report"] is not None:
                reports[service] = FsckReport.model_validate(run["report"])
                break
            await asyncio.sleep(POLL_S)
        else:
            raise httpx.HTTPError(f"{service}: 没有在 {WAIT_S:.0f} 秒内完成")
    return reports


def compare_services(reports: Mapping[str, FsckReport]) -> list[str]:
    """Figures of one project that services hold differently, in words. Amounts in 元."""
    found = []
    for first, one, second, other, words in COMPARED:
        if first in reports and second in reports:
            left, right = reports[first].figures.get(one, {}), reports[second].figures.get(other, {})
            found += [
                f"项目 {key} {words}: {first} {left.get(key, 0) / 100:.2f} 元, {second} {right.get(key, 0) / 100:.2f} 元"
                for key in sorted(left.keys() | right.keys())
                if left.get(key, 0) != right.get(key, 0)
            ]
    if "assets" in reports and "funds" in reports:
        allocated = reports["funds"].figures.get("allocated", {})
        found += [
            f"项目 {key}: 资产写明资金来自总账, 总账里没有给它的资金"
            for key in sorted(reports["assets"].figures.get("funding", {}))
            if key not in allocated
        ]
    return found


def describe_reports(reports: Mapping[str, FsckReport]) -> tuple[list[str], bool]:
    """(lines to print, whether everything follows)."""
    lines, sound = [], True
    for service, report in reports.items():
        since = f"{report.proved_since:%Y-%m-%d %H:%M}" if report.proved_since else "尚无"
        faults = [f"日志第 {one.position} 条: {one.label}" for one in report.log.faults]
        faults += [one.words for one in report.differences]
        sound = sound and not faults
        words = "一致" if not faults else f"{len(faults)} 处不符"
        lines.append(f"{service}: {report.rows} 条记录, {report.log.rows} 条日志, 自 {since} 起可证, {words}")
        lines += [f"  {one}" for one in faults]
    between = compare_services(reports)
    lines += [
        f"各服务之间: {'一致' if not between else f'{len(between)} 处不符'}",
        *(f"  {one}" for one in between),
    ]
    return lines, sound and not between


async def run(asked: argparse.Namespace) -> dict[str, FsckReport]:
    """The reports of what was asked for."""
    if asked.url:
        headers = {"Authorization": f"Bearer {asked.token}"}
        async with httpx.AsyncClient(base_url=asked.url, headers=headers, timeout=60) as http:
            return await ask_services(http, list_services())
    urls = dict(one.split("=", 1) for one in asked.database)
    for service in list_services() if asked.var is not None else ():
        if (path := asked.var / f"{service}.db").exists():
            urls[service] = f"sqlite:///{path}"
    return await check_databases(urls)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="operations.fsck", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--var", type=Path)
    parser.add_argument("--database", action="append", default=[], metavar="SERVICE=URL")
    parser.add_argument("--url", default="")
    parser.add_argument("--token", default="")
    asked = parser.parse_args(arguments)
    try:
        reports = asyncio.run(run(asked))
    except (httpx.HTTPError, ApiError, OSError, ValueError) as error:
        sys.stdout.write(f"不能核对: {error}\n")
        return 2
    if not reports:
        parser.error("nothing to check: --var, --database or --url")
    lines, sound = describe_reports(reports)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
