"""Regions: list, search in Chinese and pinyin, import of region files."""

from pathlib import Path

import httpx
import pytest

from services.identity import load_regions
from shared.db.migrate import upgrade_database
from tests.clients import SystemUnderTest
from tests.identity.factories_identity import DISTRICT, TOWN

Client = httpx.AsyncClient
DATA_FOLDER = Path(load_regions.__file__).parent / "data"
CSV_HEADER = "code,name,parent_code,level,kind\n"


@pytest.fixture
def clerk(doors: SystemUnderTest) -> Client:
    return doors.service("identity").client_as("village_clerk")


async def list_region_names(client: Client, **params: object) -> list[str]:
    answer = await client.get("/regions", params={"limit": 1000, **params})  # type: ignore[dict-item]
    assert answer.status_code == 200, answer.text
    return [region["name"] for region in answer.json()["items"]]


async def test_the_district_has_its_towns_and_villages(clerk: Client) -> None:
    towns = await list_region_names(clerk, parent=DISTRICT)
    villages = await list_region_names(clerk, parent=TOWN, level="village")

    assert len(await list_region_names(clerk)) == 601
    assert "黄羊镇" in towns
    assert "黄羊村委会" in villages


@pytest.mark.parametrize("q", ["黄羊镇", "huangyangzhen", "huangyang", "hyz", "HYZ", "Huang Yang"])
async def test_a_town_is_found_by_name_pinyin_and_initials(clerk: Client, q: str) -> None:
    assert "黄羊镇" in await list_region_names(clerk, q=q, level="town")


async def test_wildcards_are_searched_literally(clerk: Client) -> None:
    assert await list_region_names(clerk, q="%") == []
    assert await list_region_names(clerk, q="_") == []


async def test_a_region_lists_its_ancestors(clerk: Client) -> None:
    village = (await clerk.get("/regions/620602100200")).json()

    assert [region["name"] for region in village["ancestors"]] == ["凉州区", "黄羊镇"]
    assert (await clerk.get("/regions/999999999999")).status_code == 404


async def test_pages_follow_one_another(clerk: Client) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await clerk.get("/regions", params={"limit": 250, "cursor": cursor})).json()
        seen += [region["code"] for region in page["items"]]
        cursor = page["next_cursor"]

    assert seen == sorted(set(seen))
    assert len(seen) == 601


async def _import_regions(client: Client, text: str | bytes) -> httpx.Response:
    content = text.encode() if isinstance(text, str) else text
    return await client.post("/regions/imports", content=content, headers={"Content-Type": "text/csv"})


async def test_a_repeated_import_changes_nothing(doors: SystemUnderTest, clerk: Client) -> None:
    admin = doors.service("identity").client_as("admin", "000000000000")
    content = (DATA_FOLDER / "regions-632323.csv").read_bytes()
    first, second = (
        (await _import_regions(admin, content)).json(),
        (await _import_regions(admin, content)).json(),
    )

    assert (first["added"], second["added"], second["unchanged"]) == (82, 0, 82)
    assert "泽库县" in await list_region_names(clerk, q="zeku")


async def test_a_renamed_village_is_changed(doors: SystemUnderTest, clerk: Client) -> None:
    admin = doors.service("identity").client_as("admin", DISTRICT)
    done = await _import_regions(admin, CSV_HEADER + f"620602100200,新黄羊村委会,{TOWN},village,村委会\n")

    assert done.json()["changed"] == 1
    assert await list_region_names(clerk, q="xinhuangyang") == ["新黄羊村委会"]


async def test_a_file_from_excel_in_gbk_is_read(doors: SystemUnderTest) -> None:
    admin = doors.service("identity").client_as("admin", DISTRICT)
    done = await _import_regions(
        admin, (CSV_HEADER + f"620602100299,测试村委会,{TOWN},village,村委会\n").encode("gb18030")
    )

    assert done.json()["added"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        CSV_HEADER,
        CSV_HEADER + "62060210029,少一位,620602100000,village,\n",
        CSV_HEADER + "620602100298,不在镇里,620602101000,village,\n",
        CSV_HEADER + "620602100298,没有这一级,620602100000,county,\n",
    ],
)
async def test_a_wrong_file_changes_nothing(doors: SystemUnderTest, clerk: Client, text: str) -> None:
    admin = doors.service("identity").client_as("admin", DISTRICT)
    answer = await _import_regions(
        admin, text + ("620602100297,好的村,620602100000,village,\n" if text else "")
    )

    refused = answer.status_code in {400, 422}
    assert refused or text == CSV_HEADER
    assert len(await list_region_names(clerk)) == (601 if refused else 602)


async def test_an_administrator_loads_their_own_district_only(doors: SystemUnderTest) -> None:
    admin = doors.service("identity").client_as("admin", DISTRICT)

    assert (
        await _import_regions(admin, (DATA_FOLDER / "regions-632323.csv").read_bytes())
    ).status_code == 404


def test_one_command_loads_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'identity.db'}"
    upgrade_database("identity", url)
    monkeypatch.setenv("IDENTITY_DATABASE_URL", url)

    assert load_regions.main([str(DATA_FOLDER / "regions-632323.csv")]) == 0
    assert "新增 82" in capsys.readouterr().out
    assert load_regions.main([str(tmp_path / "nothing.csv")]) == 1
    assert load_regions.main(["110101"]) == 1
    assert "现有: 430511、511703、620602、632323" in capsys.readouterr().err
