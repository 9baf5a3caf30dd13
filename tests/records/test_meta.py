"""What the system says about itself: kinds, code sets, lifecycles, forms, for each role."""

import gzip
import re
from typing import Any

import httpx
import jsonschema_rs
import pytest

from shared.auth import Role
from tests.clients import DISTRICT, SystemUnderTest
from tests.records.test_worklist import DATA_SERVICES, ROLES, enter, read

CHINESE = re.compile(r"[\u4e00-\u9fff]")
MAX_META_BYTES = 60 * 1000
WITHOUT_OWN_ROWS = {"screening", "progress"}
"""Kinds that are listed below one parent only."""


async def read_meta(year: SystemUnderTest, role: Role) -> Any:
    return await read(enter(year, "gateway", role), "/meta")


@pytest.mark.parametrize("role", ROLES)
async def test_the_description_is_small_whole_and_chinese(year: SystemUnderTest, role: Role) -> None:
    answer = await enter(year, "gateway", role).get("/meta")
    assert answer.status_code == 200
    assert len(gzip.compress(answer.content)) <= MAX_META_BYTES

    meta = answer.json()
    names = {kind["name"] for kind in meta["kinds"]}
    assert len(names) == len(meta["kinds"])
    for kind in meta["kinds"]:
        for column in (*kind["columns"], *kind["filters"]):
            assert CHINESE.search(column["label"]), (kind["name"], column)
            assert not column["codes"] or column["codes"] in meta["code_sets"], column
            assert bool(column["codes"]) == (column["type"] in {"code", "codes"}), (kind["name"], column)
        assert set(kind["children"]) <= names
    for codes in meta["code_sets"].values():
        assert all(CHINESE.search(code["label"]) for code in codes), codes
    for life in meta["lifecycles"]:
        states = {state["state"] for state in life["states"]}
        assert life["start"] in states
        assert all(set(action["sources"]) <= states for action in life["actions"])


@pytest.mark.parametrize("role", [Role.BUREAU, Role.FINANCE, Role.CADRE, Role.AUDITOR])
async def test_every_described_address_answers(year: SystemUnderTest, role: Role) -> None:
    """Lists answer with the columns that are described; a row's detail and history can be read."""
    meta = await read_meta(year, role)
    for kind in meta["kinds"]:
        if kind["name"] in WITHOUT_OWN_ROWS:
            continue
        client = enter(year, kind["service"], role)
        # The notice board is open to all and lists every region; the record itself is for those of its own.
        here = {"region": DISTRICT} if any(one["name"] == "region" for one in kind["filters"]) else {}
        page = await read(client, kind["address"], limit=3, **here)
        for row in page["items"]:
            assert {column["name"] for column in kind["columns"]} <= set(row), kind["name"]
            one = str(row[kind["key"]])
            if kind["name"] != "complaint":  # its detail is a receipt that does not know objections
                await read(client, kind["detail"].replace("{id}", one))
            if kind["history"]:
                await read(client, kind["history"].replace("{id}", one))


async def test_the_description_is_answered_again_only_when_it_changed(year: SystemUnderTest) -> None:
    client = enter(year, "gateway", Role.BUREAU)
    first = await client.get("/meta")
    again = await client.get("/meta", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    forms = await client.get("/meta/forms/payment")
    again = await client.get("/meta/forms/payment", headers={"If-None-Match": forms.headers["etag"]})
    assert again.status_code == 304


async def test_a_parent_knows_its_children(year: SystemUnderTest) -> None:
    kinds = {kind["name"]: kind for kind in (await read_meta(year, Role.BUREAU))["kinds"]}
    assert {"payment", "asset", "visit", "progress", "project_change"} <= set(kinds["project"]["children"])
    assert kinds["allocation"]["parents"]["plan_id"] == "plan"


async def test_a_cadre_reads_which_switches_hold(year: SystemUnderTest) -> None:
    switches = {one["key"]: one for one in (await read_meta(year, Role.CADRE))["switches"]}
    assert isinstance(switches["check_in.own_check_in"]["value"], bool)
    assert switches["check_in.photo"]["label"] == "打卡照片"


async def test_a_service_that_is_away_is_named_and_the_rest_described(
    year: SystemUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(year.apps, "funds")
    client = enter(year, "gateway", Role.BUREAU)
    meta = await read(client, "/meta")
    assert [part["service"] for part in meta["missing"]] == ["funds"]
    with_kinds = {name for name, app in year.apps.items() if getattr(app.state, "kinds", ())}
    assert set(DATA_SERVICES) - {"funds"} <= with_kinds
    assert {kind["service"] for kind in meta["kinds"]} == with_kinds
    assert (await client.get("/meta/forms/payment")).status_code == 503


def check_properties(schema: dict[str, Any], where: str) -> None:
    for name, prop in schema.get("properties", {}).items():
        assert CHINESE.search(prop.get("title", "")), f"{where}.{name}"
    for name, definition in schema.get("$defs", {}).items():
        check_properties(definition, f"{where}.{name}")


async def list_forms(client: httpx.AsyncClient) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    kinds = (await read(client, "/meta"))["kinds"]
    return [(kind, await read(client, kind["forms"])) for kind in kinds if kind["forms"]]


@pytest.mark.parametrize("role", [Role.BUREAU, Role.CADRE, Role.TOWN_OFFICER, Role.FINANCE])
async def test_every_form_is_a_chinese_json_schema(year: SystemUnderTest, role: Role) -> None:
    client = enter(year, "gateway", role)
    found = await list_forms(client)
    assert len(found) > 5
    for kind, forms in found:
        for part in ("create", "change", "move"):
            if forms[part] is not None:
                schema = forms[part]["form"]
                jsonschema_rs.meta.validate(schema)
                check_properties(schema, f"{kind['name']}.{part}")
                assert set(schema["x-order"]) == set(schema["properties"])
        assert bool(forms["create"]) == bool(kind["create"])
        for act in forms["acts"]:
            jsonschema_rs.meta.validate(act["form"])
            if act["form"]:
                check_properties(act["form"], f"{kind['name']}.{act['label']}")
        for part in forms["parts"]:
            assert all(CHINESE.search(one["label"]) for one in part["fields"]), (kind["name"], part)
        for move in forms["moves"]:
            assert CHINESE.search(move["label"])
            assert all(CHINESE.search(need) for need in move["needs"]), move


async def test_a_form_says_choices_units_and_the_callers_region(year: SystemUnderTest) -> None:
    form = (await read(enter(year, "gateway", Role.FINANCE), "/meta/forms/source"))["create"]["form"]
    properties = form["properties"]
    assert properties["region"]["default"] == "620602000000"
    assert (properties["amount"]["x-unit"], properties["amount"]["title"]) == ("元", "金额")
    level = form["$defs"][properties["level"]["$ref"].removeprefix("#/$defs/")]
    assert {"const": "central", "title": "中央"} in level["oneOf"]
    assert {"document_no", "amount", "region"} <= set(form["required"])


async def test_a_form_of_a_move_names_its_conditions(year: SystemUnderTest) -> None:
    forms = await read(enter(year, "gateway", Role.BUREAU), "/meta/forms/payment")
    moves = {move["action"]: move for move in forms["moves"]}
    assert moves["review"]["four_eyes"] is True
    assert moves["review"]["needs"]
    assert "approve" not in moves


async def test_forms_of_kinds_nobody_may_see_are_not_there(year: SystemUnderTest) -> None:
    assert (await enter(year, "gateway", Role.CADRE).get("/meta/forms/payment")).status_code in {200, 404}
    assert (await enter(year, "gateway", Role.ADMIN).get("/meta/forms/payment")).status_code == 404
    assert (await enter(year, "gateway", Role.BUREAU).get("/meta/forms/nothing")).status_code == 404
    assert (await year.service("gateway").anonymous_client().get("/meta")).status_code == 401


async def test_forms_say_what_is_done_beside_moves(year: SystemUnderTest) -> None:
    """Answering a spot check and counting an asset are no moves of a lifecycle; who may not do them is not told of them."""
    cadre = enter(year, "gateway", Role.CADRE)
    answer = (await read(cadre, "/meta/forms/spot_check_drawn"))["acts"][0]
    assert answer["address"] == "/api/v1/attendance/spot-checks/drawn/{id}/answer"
    assert (answer["many"], answer["form"]["properties"]["fix"]["x-type"]) == (False, "fix")
    finding = (await read(cadre, "/meta/forms/campaign"))["acts"][0]
    assert finding["many"] is True
    assert {"asset_id", "result", "found_at"} <= set(finding["form"]["properties"])
    assert (await read(enter(year, "gateway", Role.AUDITOR), "/meta/forms/campaign"))["acts"] == []


async def test_acts_say_when_how_and_with_which_rows_they_are_done(year: SystemUnderTest) -> None:
    bureau = enter(year, "gateway", Role.BUREAU)
    plan = await read(bureau, "/meta/forms/plan")
    (lines,) = [one for one in plan["acts"] if one["method"] == "PUT"]
    assert (lines["versioned"], lines["states"]) == (True, ["draft", "returned"])
    assert lines["judge"] == "/api/v1/funds/plans/{id}/checks"
    target = await read(bureau, "/meta/forms/target")
    results = next(one for one in target["acts"] if one["method"] == "PUT")
    assert results["rows"] == {"results": "indicators"}
    project = await read(bureau, "/meta/forms/project")
    assert {one["name"] for one in project["parts"]} == {"attachments", "milestones"}
    assert not [one for part in project["parts"] for one in part["fields"] if one["name"] == "id"]
    removal = next(one for one in project["acts"] if "{attachment_id}" in one["address"])
    assert (removal["method"], removal["until"]) == ("POST", "removed_at")
    own = await read(enter(year, "gateway", Role.ADMIN), "/meta/forms/account")
    ended = next(one for one in own["acts"] if one["address"].endswith("/sessions"))
    assert (ended["method"], ended["form"]) == ("DELETE", {})


async def test_a_list_says_whether_it_counts(year: SystemUnderTest) -> None:
    """Asked for a count, the list of accounts refuses."""
    kinds = {kind["name"]: kind for kind in (await read_meta(year, Role.ADMIN))["kinds"]}
    client = enter(year, "identity", Role.ADMIN)
    assert kinds["account"]["counted"] is False
    assert (await client.get("/users", params={"count": "exact"})).status_code == 400
    assert kinds["organisation"]["counted"] is True


async def test_projects_are_filtered_by_categories_in_words(year: SystemUnderTest) -> None:
    meta = await read_meta(year, Role.BUREAU)
    (project,) = [kind for kind in meta["kinds"] if kind["name"] == "project"]
    (category,) = [one for one in project["filters"] if one["name"] == "category"]
    assert (category["type"], category["codes"]) == ("code", "projects.categories")
    facts = (await read(enter(year, "gateway", Role.BUREAU), "/meta/forms/project"))["facts"]
    types = {fact["name"]: fact["type"] for fact in facts}
    assert types["documents"] == "codes"
    assert types["created_by"] == "account"
    assert "verdict_label" in types
    assert "verdict" not in types


async def test_a_review_names_what_it_confirms_one_by_one(year: SystemUnderTest) -> None:
    meta = await read_meta(year, Role.TOWN_OFFICER)
    form = (await read(enter(year, "gateway", Role.TOWN_OFFICER), "/meta/forms/project"))["move"]["form"]
    assert form["properties"]["statements"]["items"]["x-codes"] == "projects.statements"
    sets = {action: meta["code_sets"][f"projects.statements.{action}"] for action in ("endorse", "appraise")}
    assert {"真实性", "必要性"} <= {code["label"] for code in sets["endorse"]}
    assert [(code["code"], code["label"]) for code in sets["appraise"]] == [
        ("compliant", "合规性"),
        ("cost", "投资概算准确"),
        ("feasible", "可行性"),
        ("land", "土地使用"),
        ("money", "资金来源可靠"),
    ]


async def test_moves_may_stand_under_an_address_of_the_parent(year: SystemUnderTest) -> None:
    forms = await read(enter(year, "gateway", Role.BUREAU), "/meta/forms/evaluation")
    assert forms["move"]["address"] == "/api/v1/projects/{project_id}/evaluation/{action}"


async def test_fields_say_which_files_records_and_codes_they_take(year: SystemUnderTest) -> None:
    cadre = enter(year, "gateway", Role.CADRE)
    visit = (await read(cadre, "/meta/forms/visit"))["create"]["form"]["properties"]
    assert (visit["photos"]["x-type"], visit["asset_id"]["x-kind"]) == ("files", "asset")
    make_up = (await read(cadre, "/meta/forms/make_up"))["create"]["form"]["properties"]
    assert make_up["witness"]["x-type"] == "account"
    project = (await read(enter(year, "gateway", Role.BUREAU), "/meta/forms/project"))["create"]["form"]
    assert project["properties"]["category"]["x-codes"] == "projects.categories"


async def test_a_kind_says_what_its_record_shows_table_by_table(year: SystemUnderTest) -> None:
    client = enter(year, "gateway", Role.BUREAU)
    found = await read(client, "/meta/forms/project")
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert facts["total"] | {"label": "", "fields": []} == {
        "name": "total",
        "label": "",
        "type": "money",
        "unit": "元",
        "codes": "",
        "fields": [],
    }
    assert {"region", "name"} <= set(facts)
    assert {field["name"] for field in facts["money"]["fields"]} >= {"kind", "amount"}
    assert not {"version", "available_actions", "id"} & set(facts)
    codes = facts["money"]["fields"]
    used = next(field["codes"] for field in codes if field["name"] == "kind")
    assert {"code": "central", "label": "中央衔接资金"} in [
        {name: code[name] for name in ("code", "label")} for code in found["code_sets"][used]
    ]


async def test_every_fact_of_every_kind_has_words(year: SystemUnderTest) -> None:
    client = enter(year, "gateway", Role.BUREAU)
    for kind in (await read_meta(year, Role.BUREAU))["kinds"]:
        facts = (await read(client, kind["forms"]))["facts"]
        assert facts, kind["name"]
        silent = [one for one in facts if not CHINESE.search(one["label"])]
        assert not silent, kind["name"]


async def test_history_topics_have_words(year: SystemUnderTest) -> None:
    topics = (await read_meta(year, Role.BUREAU))["code_sets"]["topics"]
    assert {"code": "project.progressed", "label": "上报进度"} in [
        {name: one[name] for name in ("code", "label")} for one in topics
    ]
