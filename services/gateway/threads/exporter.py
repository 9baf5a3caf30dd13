"""The bundle of a thread: evidence of every service, files and verify.py in one archive, with an index for people."""

import inspect
import io
import json
import zipfile
from collections import defaultdict
from typing import Any

from services.gateway.fan_out import FanOut, gather
from services.gateway.threads.schemas import Thread
from shared.clients import display_name
from shared.errors import ApiError, NotFound
from shared.events import verify

MAX_SUBJECTS = 200
MAX_FILES_BYTES = 50 * 1024 * 1024
INDEX_NAME = "索引.md"
CHECK_WORDS = """
## 怎样核对

不需要网络, 也不需要本系统: 解开压缩包, 用 Python 3.9 以上运行 `python verify.py 本包.zip`。
包里的公钥须与各服务和见证方公布的公钥相同; 用 `--key` 给出您自己保存的公钥。
核对的是: 日志头的签名和见证签名, 每条事件在日志里并且内容未改, 每条记录与最后一次写入一致, 分录借贷相等, 文件的摘要。
各部分与服务签名时相同(没有增减、改动、换序)。
本索引只供阅读, 不在核对之列。
"""


async def build_bundle(fan_out: FanOut, thread: Thread) -> bytes:
    """The archive of a thread. NotFound when no service has evidence that the caller may read."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for step in thread.steps:
        subjects[step.service].add(step.id)
    for ids in subjects.values():
        ids.add(str(thread.id))
    parts = await gather(_ask(fan_out, service, sorted(ids)) for service, ids in sorted(subjects.items()))
    services = {name: part for name, part in zip(sorted(subjects), parts, strict=True) if part is not None}
    if not services:
        raise NotFound("没有可以导出的证据, 或您没有校验日志的权限", "No evidence that you may read")
    witness_keys = sorted({key for part in services.values() for key in part.pop("witness_keys")})
    files, left_out = await _read_files(fan_out, services)
    bundle = {
        "format": verify.FORMAT,
        "kind": thread.kind,
        "id": str(thread.id),
        "services": services,
        "witness_keys": witness_keys,
        "left_out": sorted(left_out),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("bundle.json", json.dumps(bundle, ensure_ascii=False))
        target.writestr("verify.py", inspect.getsource(verify))
        target.writestr(INDEX_NAME, _write_index(thread, services, left_out))
        for name, content in files.items():
            target.writestr(f"files/{name}", content)
    return archive.getvalue()


async def _ask(fan_out: FanOut, service: str, ids: list[str]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await fan_out.get_or_none(
        service, f"/{service}/log/evidence", {"subjects": ",".join(ids[:MAX_SUBJECTS])}
    )
    return found


async def _read_files(
    fan_out: FanOut, services: dict[str, dict[str, Any]]
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Contents by digest, as far as the caller may read them and they fit; digest and name of those left out."""
    found: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    total = 0
    for service, part in services.items():
        for file_id, row in part["rows"].get("file", {}).items():
            content = None
            if total + row["size"] <= MAX_FILES_BYTES:
                content = await _read_file(fan_out, service, file_id)
            if content is None:
                left_out[row["sha256"]] = row["name"]
            else:
                total += len(content)
                found[row["sha256"]] = content
    return found, {digest: name for digest, name in left_out.items() if digest not in found}


async def _read_file(fan_out: FanOut, service: str, file_id: str) -> bytes | None:
    headers = {"Authorization": fan_out.authorization}
    try:
        answer = await fan_out.context.clients.send(
            service, "GET", f"/api/v1/{service}/files/{file_id}/content", headers=headers
        )
    except ApiError:
        return None
    return bytes(answer.content) if answer.is_success else None


def _write_index(thread: Thread, services: dict[str, dict[str, Any]], left_out: dict[str, str]) -> str:
    lines = [
        f"# 证据包: {thread.kind} {thread.id}",
        "",
        "| 日期 | 事项 | 内容 | 金额(元) | 状态 | 编号 |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {step.on} | {step.label} | {step.text.replace('|', '｜')} | {step.amount} | {step.state} | {step.id} |"
        for step in thread.steps
    ]
    lines += ["", "## 日志", ""]
    for name, part in services.items():
        head = part["note"].split("\n")
        rows = sum(len(one) for one in part["rows"].values())
        words = f"日志头 {head[1]} 条, 根 {head[2]}; 事件 {len(part['events'])} 条, 记录 {rows} 条; 公钥 `{part['key']}`"
        lines.append(f"- {display_name(name)}: {words}")
    lines += (
        ["", "## 没有放进来的文件", "", *(f"- {name}: SHA-256 {digest}" for digest, name in left_out.items())]
        if left_out
        else []
    )
    return "\n".join(lines) + "\n" + CHECK_WORDS
