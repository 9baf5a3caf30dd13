"""The process that reads: one request after the other on standard input, its answer on standard output.

A request and an answer are two blocks each, JSON and bytes, every block after its length in 8 bytes.
"""

import json
import os
import struct
import sys
from typing import IO, Any

from shared.sandbox.archive import SheetLimits
from shared.sandbox.marks import mark_workbook, set_cells
from shared.sandbox.refusal import FileRefused
from shared.sandbox.tables import read_workbook

MEMORY_LIMIT = 1024 * 1024 * 1024
"""Bytes of address space: a file that asks for more ends this process, not the service."""


def limit_memory() -> None:
    """Bound the memory of this process where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read_block(stream: IO[bytes]) -> bytes | None:
    """The next block; None at the end of the stream."""
    length = stream.read(8)
    return stream.read(struct.unpack(">Q", length)[0]) if len(length) == 8 else None  # noqa: PLR2004


def write_block(stream: IO[bytes], block: bytes) -> None:
    """Write one block."""
    stream.write(struct.pack(">Q", len(block)) + block)


def answer_request(request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """Do what a request asks for; a refusal and a failure become an answer too."""
    try:
        if request["task"] == "mark":
            return {}, mark_workbook(content, request["marks"])
        if request["task"] == "set":
            return {}, set_cells(content, request["cells"])
        return read_workbook(content, SheetLimits(**request["limits"])).to_json(), b""
    except FileRefused as refused:
        return {"refused": vars(refused)}, b""
    except MemoryError:
        return {"failed": "memory"}, b""
    except Exception as error:  # noqa: BLE001 - whatever a library makes of a hostile file
        return {"failed": f"{type(error).__name__}: {error}"[:300]}, b""


def main() -> None:
    """Answer requests until the parent closes the stream."""
    limit_memory()
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (head := read_block(requests)) is not None and (content := read_block(requests)) is not None:
        answer, data = answer_request(json.loads(head), content)
        write_block(
            answers,
            json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"),
        )
        write_block(answers, data)
        answers.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
