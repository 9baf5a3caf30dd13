"""QR labels, the public scan page, and the map."""

from base64 import b64encode
from hashlib import sha256

from tests.assets.factories_assets import SAMPLE_PLACE, AssetScenario


async def test_a_label_leads_to_the_public_card(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset()
    drawn = await scenario.clerk.get(f"/assets/{asset['id']}/label.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert drawn.content.startswith(b"<?xml")
    card = await scenario.service.anonymous_client().get(f"/assets/scan/{asset['code']}")
    assert (card.status_code, card.json()["name"], card.json()["original_value"]) == (
        200,
        asset["name"],
        "500000.00",
    )
    assert card.json()["subclass_label"] == "道路交通"
    assert (
        await scenario.service.anonymous_client().get("/assets/scan/6206022019GY99999")
    ).status_code == 404


async def test_the_scan_page_escapes_text_and_allows_only_its_own_script(scenario: AssetScenario) -> None:
    asset = await scenario.create_registered_asset(name="<b>新店村</b>道路")
    page = await scenario.service.anonymous_client().get(f"/assets/scan/{asset['code']}/page")
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;新店村&lt;/b&gt;道路" in page.text
    assert "<b>" not in page.text
    script = page.text.split("<script>")[1].split("</script>")[0]
    hashed = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}';" in page.headers["content-security-policy"]
    parts = [{"name": "东段", "original_value": "200000.00"}, {"name": "西段", "original_value": "300000.00"}]
    body = {"parts": parts, "reason": "分段管护"}
    new = (await scenario.bureau.post(f"/assets/{asset['id']}/split", json=body)).json()["new"]
    old = await scenario.service.anonymous_client().get(f"/assets/scan/{asset['code']}/page")
    assert old.status_code == 404
    assert all(item["code"] in old.text for item in new)


async def test_the_public_card_masks_households(scenario: AssetScenario) -> None:
    cow = await scenario.create_registered_asset(
        name="基础母牛",
        asset_class="household",
        subclass="biological",
        owner_kind="household",
        owner_name="张三丰",
    )
    card = (await scenario.service.anonymous_client().get(f"/assets/scan/{cow['code']}")).json()
    assert (card["owner"], card["address"], card["original_value"]) == ("张**", "", "")


async def test_a_sheet_of_labels_is_a_pdf(scenario: AssetScenario) -> None:
    ids = [(await scenario.create_registered_asset(name=f"新店村道路{at}"))["id"] for at in range(11)]
    response = await scenario.clerk.get("/assets/labels.pdf", params={"id": ids})
    assert response.content.startswith(b"%PDF")
    assert response.content.count(b"/Type /Page\n") == 2
    draft = await scenario.create_asset()
    refused = await scenario.clerk.get("/assets/labels.pdf", params={"id": [draft["id"]]})
    assert refused.status_code == 409
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    assert (await elsewhere.get("/assets/labels.pdf", params={"id": ids})).status_code == 404


async def test_the_map_lists_assets_in_the_box(scenario: AssetScenario) -> None:
    near = await scenario.create_registered_asset()
    ring = [[102.5, 37.5], [102.6, 37.5], [102.6, 37.6], [102.5, 37.5]]
    await scenario.create_registered_asset(
        name="林地",
        place={**SAMPLE_PLACE, "lon": 102.55},
        outline={"kind": "polygon", "datum": "wgs84", "coordinates": [ring]},
    )
    box = {"west": 102.9, "south": 37.5, "east": 103.0, "north": 37.7}
    collection = (await scenario.bureau.get("/assets/map", params=box)).json()
    assert [item["id"] for item in collection["features"]] == [near["id"]]
    assert collection["features"][0]["geometry"] == {
        "type": "Point",
        "coordinates": [SAMPLE_PLACE["lon"], SAMPLE_PLACE["lat"]],
    }
    wide_box = {**box, "west": 102.0}
    shapes = {
        item["geometry"]["type"]
        for item in (await scenario.bureau.get("/assets/map", params=wide_box)).json()["features"]
    }
    assert shapes == {"Point", "Polygon"}
    limited = (await scenario.bureau.get("/assets/map", params={**wide_box, "limit": 1})).json()
    assert (len(limited["features"]), limited["more"]) == (1, True)
    shifted = (await scenario.bureau.get("/assets/map", params={**box, "datum": "gcj02"})).json()
    assert shifted["features"][0]["geometry"]["coordinates"][0] != SAMPLE_PLACE["lon"]
    bounds = (await scenario.bureau.get("/assets/map/bounds", params={"region": "620602000000"})).json()
    assert (bounds["west"], bounds["east"]) == (102.55, SAMPLE_PLACE["lon"])
    assert (await scenario.bureau.get("/assets/map", params={**box, "east": 100})).status_code == 400
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    assert (await elsewhere.get("/assets/map", params=box)).json()["features"] == []
