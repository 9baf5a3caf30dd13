"""QR labels that open an asset by its code, and assets on a map."""

from base64 import b64encode
from hashlib import sha256

from tests.assets.factories_assets import SAMPLE_PLACE, AssetScenario


async def test_a_label_leads_to_what_anybody_may_read(world: AssetScenario) -> None:
    asset = await world.create_registered_asset()
    drawn = await world.clerk.get(f"/assets/{asset['id']}/label.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert drawn.content.startswith(b"<?xml")
    seen = await world.door.anonymous_client().get(f"/assets/scan/{asset['code']}")
    assert (seen.status_code, seen.json()["name"], seen.json()["original_value"]) == (
        200,
        asset["name"],
        "500000.00",
    )
    assert seen.json()["subclass_label"] == "道路交通"
    assert (await world.door.anonymous_client().get("/assets/scan/6206022019GY99999")).status_code == 404


async def test_a_label_opens_a_page_that_runs_nothing_but_its_own_form(world: AssetScenario) -> None:
    asset = await world.create_registered_asset(name="<b>新店村</b>道路")
    page = await world.door.anonymous_client().get(f"/assets/scan/{asset['code']}/page")
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;新店村&lt;/b&gt;道路" in page.text
    assert "<b>" not in page.text
    script = page.text.split("<script>")[1].split("</script>")[0]
    hashed = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}';" in page.headers["content-security-policy"]
    parts = [{"name": "东段", "original_value": "200000.00"}, {"name": "西段", "original_value": "300000.00"}]
    body = {"parts": parts, "reason": "分段管护"}
    new = (await world.bureau.post(f"/assets/{asset['id']}/split", json=body)).json()["new"]
    old = await world.door.anonymous_client().get(f"/assets/scan/{asset['code']}/page")
    assert old.status_code == 404
    assert all(one["code"] in old.text for one in new)


async def test_a_household_is_not_named_to_everybody(world: AssetScenario) -> None:
    cow = await world.create_registered_asset(
        name="基础母牛",
        asset_class="household",
        subclass="biological",
        owner_kind="household",
        owner_name="张三丰",
    )
    seen = (await world.door.anonymous_client().get(f"/assets/scan/{cow['code']}")).json()
    assert (seen["owner"], seen["address"], seen["original_value"]) == ("张**", "", "")


async def test_a_sheet_of_labels_is_a_pdf(world: AssetScenario) -> None:
    ids = [(await world.create_registered_asset(name=f"新店村道路{at}"))["id"] for at in range(11)]
    answered = await world.clerk.get("/assets/labels.pdf", params={"id": ids})
    assert answered.content.startswith(b"%PDF")
    assert answered.content.count(b"/Type /Page\n") == 2
    draft = await world.create_asset()
    refused = await world.clerk.get("/assets/labels.pdf", params={"id": [draft["id"]]})
    assert refused.status_code == 409
    elsewhere = world.door.client_as("town_officer", "620602101000")
    assert (await elsewhere.get("/assets/labels.pdf", params={"id": ids})).status_code == 404


async def test_the_map_shows_what_lies_in_the_box(world: AssetScenario) -> None:
    near = await world.create_registered_asset()
    ring = [[102.5, 37.5], [102.6, 37.5], [102.6, 37.6], [102.5, 37.5]]
    await world.create_registered_asset(
        name="林地",
        place={**SAMPLE_PLACE, "lon": 102.55},
        outline={"kind": "polygon", "datum": "wgs84", "coordinates": [ring]},
    )
    box = {"west": 102.9, "south": 37.5, "east": 103.0, "north": 37.7}
    found = (await world.bureau.get("/assets/map", params=box)).json()
    assert [one["id"] for one in found["features"]] == [near["id"]]
    assert found["features"][0]["geometry"] == {
        "type": "Point",
        "coordinates": [SAMPLE_PLACE["lon"], SAMPLE_PLACE["lat"]],
    }
    all_of_it = {**box, "west": 102.0}
    shapes = {
        one["geometry"]["type"]
        for one in (await world.bureau.get("/assets/map", params=all_of_it)).json()["features"]
    }
    assert shapes == {"Point", "Polygon"}
    less = (await world.bureau.get("/assets/map", params={**all_of_it, "limit": 1})).json()
    assert (len(less["features"]), less["more"]) == (1, True)
    shifted = (await world.bureau.get("/assets/map", params={**box, "datum": "gcj02"})).json()
    assert shifted["features"][0]["geometry"]["coordinates"][0] != SAMPLE_PLACE["lon"]
    bounds = (await world.bureau.get("/assets/map/bounds", params={"region": "620602000000"})).json()
    assert (bounds["west"], bounds["east"]) == (102.55, SAMPLE_PLACE["lon"])
    assert (await world.bureau.get("/assets/map", params={**box, "east": 100})).status_code == 400
    elsewhere = world.door.client_as("town_officer", "620602101000")
    assert (await elsewhere.get("/assets/map", params=box)).json()["features"] == []
