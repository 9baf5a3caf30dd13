"""What is announced is what was published, in every form, and what the ledger says."""

import base64
import io
import re
import zlib
from typing import Any
from uuid import UUID

import docx
import pytest

from tests.funds.desk import Desk, line, ok, refused
from tests.funds.library import Library
from tests.funds.published import BEITA, ZEKU, Batch, batch
from tests.funds.test_imports import as_csv, rows_of, send, shelve, sources_of
from tests.funds.test_targets import approved

FORMS = ("html", "docx", "pdf")


async def planned(desk: Desk, library: Library, published: Batch) -> str:
    """The plan of a published batch, approved."""
    shelve(library, published)
    sources = await sources_of(desk, published)
    given = {"year": published.year, "title": published.name}
    taken = ok(await send(desk, as_csv(rows_of(published)), sources, published.total, **given))
    plan: str = taken["plan_id"]
    await desk.approved(plan)
    return plan


def published_table(published: Batch) -> list[list[str]]:
    """What the county's page shows of each line."""
    return [
        [
            row["project_name"],
            row["location"],
            row["amount_wan_yuan"],
            row["fund_source"],
            row["project_type"],
            row["responsible_unit"],
        ]
        for row in published.rows
    ]


async def file_of(desk: Desk, plan: str, form: str, **params: Any) -> bytes:
    answer = await desk.leader.get(f"/funds/plans/{plan}/announcement.{form}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.content


def words_of(form: str, content: bytes) -> str:
    """Everything a reader of the file reads, without white space."""
    if form == "html":
        text = re.sub(r"<style>.*?</style>|<[^>]+>", "", content.decode())
    elif form == "docx":
        document = docx.Document(io.BytesIO(content))
        cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
        text = "".join([*(one.text for one in document.paragraphs), *cells])
    else:
        text = pdf_text(content)
    return re.sub(r"\s", "", text)


def pdf_text(content: bytes) -> str:
    """The strings of the pages; STSong-Light is written as UTF-16."""
    shown = []
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        raw = found[1].strip()
        if raw.endswith(b"~>"):
            raw = base64.a85decode(raw[:-2])
        page = zlib.decompress(raw)
        for piece in re.finditer(rb"\(((?:\\.|[^\\()])*)\) Tj", page, re.DOTALL):
            plain = re.sub(rb"\\([0-7]{3}|.)", _unescaped, piece[1], flags=re.DOTALL)
            shown.append(plain.decode("utf-16-be"))
    return "".join(shown)


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if len(code) == 3:
        return bytes([int(code, 8)])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(code, code)


@pytest.mark.parametrize("county", [ZEKU, BEITA])
async def test_the_table_equals_what_the_county_published(desk: Desk, library: Library, county: str) -> None:
    published = batch(county)
    plan = await planned(desk, library, published)
    said = ok(await desk.leader.get(f"/funds/plans/{plan}/announcement"))["content"]
    names = ("name", "place", "amount_wan", "fund", "project_type", "unit")
    shown = [[one[name] for name in names] for one in said["lines"]]
    wanted = published_table(published)
    for mine, theirs in zip(shown, wanted, strict=True):
        # What the county left out, the library fills in; what it printed is printed.
        assert all(one == other for one, other in zip(mine, theirs, strict=True) if other)
    assert said["total_wan"] == str(published.total // 1_000_000)
    assert said["count"] == len(published.rows)
    if published.document_no and county == ZEKU:
        assert said["sources"][0]["document_no"] == "青财农字〔2023〕505号"
    notice = {"level": "allocation", "places": ["网站"], "starts_on": "2024-05-09"}
    posted = ok(await desk.bureau.post(f"/funds/plans/{plan}/notices", json=notice), 201)
    assert posted["content"] == said
    held = await desk.figures()
    assert held["planned"] == published.total


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("county", [ZEKU, BEITA])
async def test_every_form_says_the_same(desk: Desk, library: Library, form: str, county: str) -> None:
    published = batch(county)
    plan = await planned(desk, library, published)
    await desk.noticed(plan)
    text = words_of(form, await file_of(desk, plan, form))
    for row in published_table(published):
        assert all(re.sub(r"\s", "", cell) in text for cell in row)
    for word in (published.name, str(published.total // 1_000_000), "12317", "2024-05-09至2024-05-18"):
        assert re.sub(r"\s", "", word) in text, word


async def test_the_word_files_table_is_the_published_table(desk: Desk, library: Library) -> None:
    published = batch(ZEKU)
    plan = await planned(desk, library, published)
    (table,) = docx.Document(io.BytesIO(await file_of(desk, plan, "docx"))).tables
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows[0][:2] == ["序号", "项目名称"]
    at = [
        rows[0].index(name)
        for name in ("项目名称", "实施地点", "资金(万元)", "资金名称", "项目类型", "责任单位")
    ]
    assert [[row[one] for one in at] for row in rows[1:-1]] == published_table(published)
    assert (rows[-1][1], rows[-1][at[2]]) == ("合计", "1259")


async def test_targets_are_announced_with_the_money(desk: Desk, library: Library) -> None:
    source = await desk.source(100_0000_00)
    plan = await desk.plan(line(library.project("机井"), source["id"], 100_0000_00, target="新建机井3眼"))
    said = ok(await desk.leader.get(f"/funds/plans/{plan['id']}/announcement", params={"subject": "target"}))
    assert [(one["name"], one["amount_wan"], one["target"]) for one in said["content"]["lines"]] == [
        ("机井", "100", "新建机井3眼")
    ]
    for form in FORMS:
        assert "新建机井3眼" in words_of(form, await file_of(desk, plan["id"], form, subject="target"))


async def test_completion_is_what_the_ledger_and_the_library_say(desk: Desk, library: Library) -> None:
    source = await desk.source(100_0000_00)
    well, road = library.project("机井"), library.project("道路")
    plan = await desk.plan(line(well, source["id"], 60_0000_00), line(road, source["id"], 40_0000_00))
    path, params = f"/funds/plans/{plan['id']}/announcement", {"subject": "completion"}
    refused(await desk.leader.get(path, params=params), 409)
    given = await desk.issued(plan["id"])
    library.change(well, state="under_construction", physical_percent=50)
    mine = next(one for one in given if UUID(one["project_id"]) == well)
    await desk.paid(mine["id"], 25_0000_00)
    content = ok(await desk.leader.get(path, params=params))["content"]
    rows = {
        one["name"]: (one["allocated_wan"], one["paid_wan"], one["paid_percent"]) for one in content["lines"]
    }
    assert rows == {"机井": ("60", "25", "41.67%"), "道路": ("40", "0", "0.00%")}
    assert content["totals"] == {"allocated_wan": "100", "paid_wan": "25"}
    for form in FORMS:
        assert "41.67%" in words_of(form, await file_of(desk, plan["id"], form, **params))


async def test_what_people_write_never_becomes_markup(desk: Desk, library: Library) -> None:
    source = await desk.source(100_00)
    name = "<script>alert(1)</script> & <b>井</b>"
    plan = await desk.plan(line(library.project(name), source["id"], 100_00), title="<i>方案</i>")
    page = (await file_of(desk, plan["id"], "html")).decode()
    assert "<script" not in page
    for form in ("docx", "pdf"):
        assert "<script>alert(1)</script>" in words_of(form, await file_of(desk, plan["id"], form))


async def test_another_district_reads_no_announcement_and_other_forms_do_not_exist(
    desk: Desk, library: Library
) -> None:
    plan = await desk.plan()
    elsewhere = desk.door.as_("leader", "632323000000")
    refused(await elsewhere.get(f"/funds/plans/{plan['id']}/announcement.pdf"), 404)
    refused(await desk.leader.get(f"/funds/plans/{plan['id']}/announcement.exe"), 422)


async def test_decided_targets_are_announced_with_their_indicators(desk: Desk) -> None:
    plan, _, _ = await approved(desk)
    path, params = f"/funds/plans/{plan}/announcement", {"subject": "target"}
    (row,) = ok(await desk.leader.get(path, params=params))["content"]["lines"]
    assert "新建机井≥20座" in row["target"]
    assert "单井造价≤5.5万元" in row["target"]
    assert "新建机井≥20座" in words_of("docx", await file_of(desk, plan, "docx", **params))
