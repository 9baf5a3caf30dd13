"""Files are read in a process of their own, whose end is a refusal and nothing worse."""

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from shared.errors import Invalid, TooLarge
from shared.sandbox.archive import SheetLimits
from shared.sandbox.tables import read_workbook as read_here
from shared.spreadsheets import WAN, Column, child_process, read_sheet
from tests.workbooks import load_workbook

INPUTS = Path(__file__).parent.parent / "data" / "inputs"
COLUMNS = [Column("name", "项目名称", required=True), Column("total", "总投资", WAN)]
ROW = '<w-x:row r="1"><w-x:c r="A1" t="inlineStr"><w-x:is><w-x:t>项目名称</w-x:t></w-x:is></w-x:c></w-x:row>'
FAR = '<w-x:row r="1048576"><w-x:c r="XFD1048576"><w-x:v>1</w-x:v></w-x:c></w-x:row>'


def rewrite_sheet(change: Any) -> bytes:
    source = io.BytesIO()
    openpyxl.Workbook().save(source)
    target = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            content = old.read(part)
            new.writestr(part, change(content) if part.endswith("sheet1.xml") else content)
    return target.getvalue()


def build_far_cell(encoding: str) -> bytes:
    xml = (
        f'<?xml version="1.0" encoding="{encoding}"?><w-x:worksheet xmlns:w-x="http://schemas.openxmlformats.org/'
        f'spreadsheetml/2006/main"><w-x:sheetData>{ROW}{FAR}</w-x:sheetData></w-x:worksheet>'
    )
    return rewrite_sheet(lambda _: xml.encode(encoding))


@pytest.mark.parametrize(
    "content", [(INPUTS / "dense_range.xlsx").read_bytes(), build_far_cell("UTF-8"), build_far_cell("UTF-16")]
)
def test_a_far_cell_is_refused_whatever_the_prefix_or_encoding(content: bytes) -> None:
    with pytest.raises(TooLarge, match="太大"):
        read_sheet(content, COLUMNS)


def test_the_end_of_the_process_is_a_refusal_and_the_next_file_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = child_process._ReaderProcess.ask

    def die(self: Any, request: Any, content: bytes) -> Any:
        self.process.kill()
        self.process.wait()
        return ask(self, request, content)

    with monkeypatch.context() as patched:
        patched.setattr(child_process._ReaderProcess, "ask", die)
        with pytest.raises(Invalid, match="内存或中断"):
            read_sheet("项目名称\n供水\n".encode(), COLUMNS)
    assert [row.values["name"] for row in read_sheet("项目名称\n供水\n".encode(), COLUMNS).rows] == ["供水"]


def test_a_file_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "READ_SECONDS", 0.001)
    started = time.monotonic()
    with pytest.raises(TooLarge, match="已停止"):
        read_sheet(load_workbook("09").content, COLUMNS)
    assert time.monotonic() - started < 5


def test_a_process_asking_for_too_much_memory_ends_itself() -> None:
    environment = child_process._ReaderProcess()
    try:
        limits = Path(f"/proc/{environment.process.pid}/limits")
        environment.ask({"task": "read", "limits": {}}, "项目名称\n供水\n".encode())
        line = next(line for line in limits.read_text().splitlines() if line.startswith("Max address space"))
        assert int(line.split()[3]) == 1024**3
        values = Path(f"/proc/{environment.process.pid}/environ").read_bytes().split(b"\0")
        assert {value.split(b"=")[0] for value in values if value} <= {
            b"PATH",
            b"LANG",
            b"PYTHONPATH",
            b"PYTHONDONTWRITEBYTECODE",
        }
    finally:
        environment.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "文件是空的"),
        (load_workbook("20").content, "打开口令"),
        (load_workbook("23").content, r"WPS 的 \.et"),
        (b"%PDF-1.4 ...", "不是表格文件"),
        (b"PK\x03\x04 cut off", "已损坏"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_true_reason(content: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_sheet(content, COLUMNS)


def test_a_formula_without_a_value_is_calculated_or_told() -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["项目名称", "总投资(万元)"])
    page.append(["供水", "=SUM(D2:D3)*2-1"])
    page.append(["道路", "=VLOOKUP(1,D1:E9,2)"])
    page["D2"], page["D3"] = 3, "=D2+0.5"
    target = io.BytesIO()
    book.save(target)
    first, second = read_sheet(target.getvalue(), COLUMNS).rows
    assert first.values["total"] == 12_000_000
    assert "公式" in second.errors[0].message


def test_macros_hidden_rows_and_the_1904_base_are_told() -> None:
    limits = SheetLimits()
    assert read_here(load_workbook("21").content, limits).notes == ["文件含宏, 宏不执行也不保存"]
    assert "103 行" in read_here(load_workbook("09").content, limits).notes[0]
    assert read_here(load_workbook("19").content, limits).counts_from_1904
