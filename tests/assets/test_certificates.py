"""Certificates of rights: their content equals the register, for one asset or for a village."""

from tests.assets.factories_assets import AssetScenario
from tests.clients import TOWN, VILLAGE
from tests.papers import find_unprinted_characters, read_paper

PDF_PAGE_MARKER = b"/Type /Page\n"


async def test_a_certificate_shows_holder_asset_and_funding(scenario: AssetScenario) -> None:
    funding = [
        {"level": "central", "fund": "bridging", "document_no": "甘财农〔2019〕7号", "amount": "400000.00"},
        {"level": "county", "fund": "own", "document_no": "凉财农〔2019〕9号", "amount": "100000.00"},
    ]
    asset = await scenario.create_confirmed_asset(
        funding=funding, project_name="2019年通组路", specification="<6米宽>"
    )
    response = await scenario.clerk.get(f"/assets/{asset['id']}/certificate.pdf")
    assert response.status_code == 200, response.text
    assert (response.headers["content-type"], response.content.count(PDF_PAGE_MARKER)) == (
        "application/pdf",
        1,
    )
    assert "filename*=UTF-8''" in response.headers["content-disposition"]
    text = read_paper(response.content)
    assert find_unprinted_characters(response.content) == set()
    for part in (
        "帮扶项目资产权属证书",
        "凉资确〔2024〕1号",
        "新店村股份经济合作社",
        "村集体",
        asset["code"],
        "公益性资产道路交通",
        "新店村三组至五组(东经102.901000,北纬37.602000)",
        "<6米宽>",
        "500000.00",
        "2019年通组路",
        "甘财农〔2019〕7号",
        "中央财政衔接推进乡村振兴补助资金",
        "400000.00",
        "凉财农〔2019〕9号",
    ):
        assert part in text, (part, text)


async def test_there_is_no_certificate_before_rights_are_confirmed(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    refused = await scenario.clerk.get(f"/assets/{asset['id']}/certificate.pdf")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "not_confirmed")
    none = await scenario.clerk.get("/assets/certificates.pdf", params={"region": VILLAGE})
    assert (none.status_code, none.json()["errors"][0]["code"]) == (409, "none")
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    assert (await elsewhere.get(f"/assets/{asset['id']}/certificate.pdf")).status_code == 404
    assert (await elsewhere.get("/assets/certificates.pdf", params={"region": VILLAGE})).status_code == 404


async def test_certificates_of_a_village_are_printed_with_a_list(scenario: AssetScenario) -> None:
    numbers = []
    for at in range(2):
        asset = await scenario.create_registered_asset(name=f"新店村道路{at}")
        await scenario.post_notice(asset["id"], starts=scenario.today().replace(day=1))
        numbers.append(
            (await scenario.transition_asset_ok(scenario.bureau, asset["id"], "confirm"))["certificate_no"]
        )
    assert numbers == ["帮资权〔2024〕1号", "帮资权〔2024〕2号"]
    await scenario.create_registered_asset(name="没有确权的路")
    for region in (VILLAGE, TOWN):
        printed = await scenario.town.get("/assets/certificates.pdf", params={"region": region})
        assert printed.content.count(PDF_PAGE_MARKER) == 3
        text = read_paper(printed.content)
        assert "共2本" in text
        assert text.count(numbers[1]) == 2
        assert "没有确权的路" not in text
    other = await scenario.town.get(
        "/assets/certificates.pdf", params={"region": VILLAGE, "asset_class": "household"}
    )
    assert other.status_code == 409
