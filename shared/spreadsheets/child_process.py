"""Has files read in processes of their own: a hostile workbook ends such a process, never the service.

The processes are kept warm, run without the service's environment (no secrets), under a memory limit of their
own, and are ended when a file takes too long.
"""

import atexit
import json
import os
import queue
import selectors
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.errors import ApiError, Invalid, TooLarge, Unavailable
from shared.sandbox.archive import SheetLimits
from shared.sandbox.raw_tables import RawTable, RawWorkbook

READ_SECONDS = 20.0
"""Time for one file."""
WAIT_SECONDS = 30.0
"""Time to wait for a process while others read."""
MAX_PROCESSES = 2
MAX_FILES_PER_PROCESS = 200
LARGE_FILE = 1024 * 1024
"""Bytes after which a process is not kept, so that its memory returns."""
SOURCE_ROOT = Path(__file__).resolve().parent.parent.parent
SAVE_AGAIN = "请用表格软件打开后另存为 .xlsx, 去掉多余的行列和格式, 再上传"


class _ProcessEnded(Exception):
    """The reading process ended or took too long; says which."""


class _ReaderProcess:
    """One process that reads files, asked over its standard input and output."""

    def __init__(self) -> None:
        environment = {
            name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ
        }
        self.files = 0
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "shared.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            env=environment | {"PYTHONPATH": str(SOURCE_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            bufsize=0,
        )

    def ask(self, request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer; _ProcessEnded when there is none."""
        self.files += 1
        deadline = time.monotonic() + READ_SECONDS
        timer = threading.Timer(
            READ_SECONDS, self.process.kill
        )  # a process that does not even read its input
        timer.start()
        try:
            for block in (json.dumps(request).encode(), content):
                self._write(struct.pack(">Q", len(block)) + block)
            answer = json.loads(self._read_block(deadline).decode("utf-8", "surrogatepass"))
            return answer, self._read_block(deadline)
        except (BrokenPipeError, ConnectionError) as error:
            raise _ProcessEnded("late" if time.monotonic() >= deadline else "ended") from error
        finally:
            timer.cancel()

    def _write(self, block: bytes) -> None:
        stream, sent = self.process.stdin, 0
        if stream is None:
            raise _ProcessEnded("ended")
        view = memoryview(block)
        while sent < len(block):
            sent += stream.write(view[sent : sent + 1024 * 1024]) or 0

    def _read_block(self, deadline: float) -> bytes:
        return self._read(struct.unpack(">Q", self._read(8, deadline))[0], deadline)

    def _read(self, length: int, deadline: float) -> bytes:
        stream, parts = self.process.stdout, []
        if stream is None:
            raise _ProcessEnded("ended")
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while length:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise _ProcessEnded("late")
                part = stream.read(min(length, 1024 * 1024))
                if not part:
                    late = deadline - time.monotonic() <= 0
                    raise _ProcessEnded("late" if late else "ended")
                parts.append(part)
                length -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait()


_IDLE: queue.LifoQueue[_ReaderProcess] = queue.LifoQueue()
_SLOTS = threading.BoundedSemaphore(MAX_PROCESSES)


@atexit.register
def _close_idle_processes() -> None:
    while True:
        try:
            _IDLE.get_nowait().close()
        except queue.Empty:
            return


@contextmanager
def _borrow_process(size: int) -> Iterator[_ReaderProcess]:
    """A warm process, or a new one; it is kept afterwards unless it failed or has read a large file."""
    if not _SLOTS.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("正在读取其他表格, 请稍后再试", "Other spreadsheets are being read", retry_after=10)
    try:
        process = _take_idle_process() or _ReaderProcess()
        try:
            yield process
        except BaseException:
            process.close()
            raise
        if size > LARGE_FILE or process.files >= MAX_FILES_PER_PROCESS:
            process.close()
        else:
            _IDLE.put(process)
    finally:
        _SLOTS.release()


def _take_idle_process() -> _ReaderProcess | None:
    while True:
        try:
            process = _IDLE.get_nowait()
        except queue.Empty:
            return None
        if process.process.poll() is None:
            return process
        process.close()


def _ask(request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        with _borrow_process(len(content)) as process:
            answer, data = process.ask(request, content)
    except _ProcessEnded as error:
        if str(error) == "late":
            raise TooLarge(
                f"读取这个文件超过 {READ_SECONDS:.0f} 秒, 已停止",
                "Reading took too long",
                next_step=SAVE_AGAIN,
            ) from error
        raise Invalid(
            "文件内容异常, 读取时超出内存或中断", "The file could not be read", next_step=SAVE_AGAIN
        ) from error
    if refused := answer.get("refused"):
        raise _build_refusal(refused)
    if failed := answer.get("failed"):
        detail = "文件太复杂, 读取时超出内存" if failed == "memory" else "文件无法读取"
        raise Invalid(detail, f"The file could not be read: {failed}", next_step=SAVE_AGAIN)
    return answer, data


def _build_refusal(refused: dict[str, Any]) -> ApiError:
    kind = TooLarge if refused["too_large"] else Invalid
    return kind(refused["detail"], refused["detail_en"], next_step=refused["next_step"])


def read_workbook(content: bytes, limits: SheetLimits) -> RawWorkbook:
    """The sheets of a file, read in another process. Invalid or TooLarge say why there are none."""
    if len(content) > limits.size:
        raise TooLarge(f"文件不能超过 {limits.size // 1024 // 1024} MB", "The file is too large")
    answer, _ = _ask({"task": "read", "limits": asdict(limits)}, content)
    tables = [
        RawTable(
            table["name"],
            [
                [_from_json_cell(cell) if isinstance(cell, dict) else cell for cell in row]
                for row in table["grid"]
            ],
            [((first, left), (last, right)) for (first, left), (last, right) in table["merges"]],
            table["visible"],
        )
        for table in answer["tables"]
    ]
    return RawWorkbook(tables, answer["notes"], answer["counts_from_1904"])


def mark_workbook(content: bytes, marks: dict[str, Any]) -> bytes:
    """The workbook with marked cells, written in another process."""
    return _ask({"task": "mark", "marks": marks}, content)[1]


def set_workbook_cells(content: bytes, cells: dict[str, dict[str, str]]) -> bytes:
    """The workbook with other texts in some cells, written in another process."""
    return _ask({"task": "set", "cells": cells}, content)[1]


def _from_json_cell(cell: dict[str, Any]) -> Any:  # noqa: ANN401 - any cell
    if "datetime" in cell:
        return datetime.fromisoformat(cell["datetime"])
    if "date" in cell:
        return date.fromisoformat(cell["date"])
    if "time" in cell:
        return datetime.fromisoformat(f"2000-01-01T{cell['time']}").time()
    return timedelta(seconds=cell["seconds"])
