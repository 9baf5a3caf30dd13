"""The pages of the desk and the phone: built once for their sources, served with a strict policy."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from embedded import pages
from services.gateway.main import create_app
from services.gateway.overview.service import read_map
from services.gateway.pages.service import find_page_file
from shared.settings import Settings


def write_program(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    program.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes the place of Node's programs."""

    async def find_programs() -> Path:
        return tmp_path / "programs"

    monkeypatch.setattr(pages, "find_node", find_programs)
    web = tmp_path / "web"
    web.mkdir()
    (web / "package-lock.json").write_text("1", "ascii")
    monkeypatch.setattr(pages, "WEB", web)
    return tmp_path / "programs"


def test_the_hash_is_that_of_the_sources(tmp_path: Path) -> None:
    source, library = tmp_path / "web" / "src" / "main.ts", tmp_path / "web" / "node_modules" / "vue.js"
    for path in (source, library):
        path.parent.mkdir(parents=True)
        path.write_text("1", "utf-8")
    documents = tmp_path / "openapi"
    documents.mkdir()
    before = pages.hash_sources(tmp_path / "web", documents)
    library.write_text("2", "utf-8")
    assert pages.hash_sources(tmp_path / "web", documents) == before
    source.write_text("2", "utf-8")
    changed = pages.hash_sources(tmp_path / "web", documents)
    assert changed != before
    (documents / "funds.json").write_text("{}", "utf-8")
    assert pages.hash_sources(tmp_path / "web", documents) != changed


async def test_pages_are_built_once_for_their_sources(tmp_path: Path, programs: Path) -> None:
    script = 'echo "$1" >> "$LOG"; test "$1" = ci || mkdir -p "$XIANJIE_PAGES_OUT/desk"'
    write_program(programs, script.replace("$LOG", str(tmp_path / "log")))
    target = tmp_path / "dist"

    assert await pages.build_pages(target)
    assert await pages.build_pages(target)

    assert (target / "desk").is_dir()
    assert (tmp_path / "log").read_text("utf-8").split() == ["ci", "run"]
    (target / pages.STAMP).write_text("older sources", "ascii")
    assert await pages.build_pages(target)
    assert (tmp_path / "log").read_text("utf-8").split() == ["ci", "run", "run"]
    (tmp_path / "web" / "package-lock.json").write_text("2", "ascii")
    (target / pages.STAMP).write_text("older sources", "ascii")
    assert await pages.build_pages(target)
    assert (tmp_path / "log").read_text("utf-8").split() == ["ci", "run", "run", "ci", "run"]


def test_npm_of_a_wheel_is_run_by_its_script(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    assert pages.find_npm(programs) == ("npm",)
    script = tmp_path / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    script.parent.mkdir(parents=True)
    script.touch()
    assert pages.find_npm(programs) == ("node", str(script))


async def test_a_build_that_fails_is_one_sentence_and_leaves_the_old_pages(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_program(programs, "echo 'npm error network' >&2; exit 1")
    target = tmp_path / "dist"
    (target / "desk").mkdir(parents=True)

    assert not await pages.build_pages(target)

    said = capsys.readouterr().err
    assert said == pages.MISSING_TEXT.format(reason="npm ci: npm error network")
    assert (target / "desk").is_dir()


MAP: dict[str, Any] = {
    "tile_url": "https://t0.tianditu.gov.cn/vec_w/{z}/{x}/{y}?tk=1",
    "map_review_number": "GS(2024)0650号",
}


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    settings = Settings(service="gateway", pages=tmp_path, **MAP)
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        yield client


async def test_pages_that_are_not_built_say_so(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/desk/")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "页面还没有生成" in answer.text


async def test_a_place_inside_the_desk_gets_its_shell_and_a_strict_policy(
    browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "desk" / "assets").mkdir(parents=True)
    (tmp_path / "desk" / "index.html").write_text("<!doctype html><title>衔接</title>", "utf-8")
    (tmp_path / "desk" / "assets" / "main-1a2b.js").write_text("1", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")

    shell = await browser.get("/desk/records/project/1")
    script = await browser.get("/desk/assets/main-1a2b.js")
    outside = await browser.get("/desk/%2e%2e/secret.txt")

    assert (shell.status_code, shell.headers["Cache-Control"]) == (200, "no-cache")
    policy = shell.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "img-src 'self' data: blob: https://t0.tianditu.gov.cn;" in policy
    assert (script.headers["content-type"], script.status_code) == ("text/javascript; charset=utf-8", 200)
    assert "immutable" in script.headers["Cache-Control"]
    assert outside.status_code == 400
    assert find_page_file(tmp_path, "desk", "../secret.txt") is None
    assert (await browser.get("/desk/assets/gone.js")).status_code == 404


async def test_a_map_is_for_those_who_read_the_overview(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/v1/overview/map?region=620602000000")).status_code == 401


def test_a_map_has_its_outlines_and_never_without_a_review_number(tmp_path: Path) -> None:
    def draw(code: str) -> dict[str, Any]:
        return {
            "type": "Feature",
            "properties": {"code": code},
            "geometry": {"type": "Polygon", "coordinates": []},
        }

    file = tmp_path / "outlines.json"
    codes = ["620602000000", "620602100000", "632323100000"]
    file.write_text(
        json.dumps({"type": "FeatureCollection", "features": [draw(code) for code in codes]}), "utf-8"
    )
    with pytest.raises(ValidationError, match="审图号"):
        Settings(service="gateway", map_outlines=str(file))
    for content in ("not json", '{"features": [{"properties": {}}]}', "[]"):
        (tmp_path / "bad.json").write_text(content, "utf-8")
        with pytest.raises(ValidationError, match="XIANJIE_MAP_OUTLINES 读不出界线"):
            Settings(service="gateway", map_outlines=str(tmp_path / "bad.json"), **MAP)
    settings = Settings(service="gateway", map_outlines=str(file), **MAP)
    found = read_map(settings, "620602000000")

    assert (found.tiles, found.review_number) == (MAP["tile_url"], MAP["map_review_number"])
    assert [one["properties"]["code"] for one in found.outlines] == codes[:2]
    assert read_map(Settings(service="gateway"), "620602000000").outlines == []
    assert settings.tile_host == "https://t0.tianditu.gov.cn"
