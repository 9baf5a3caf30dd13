"""Progress photos are real pictures of this place and time, used once; quantities add up and fit the plan."""

from datetime import timedelta
from typing import Any

from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.sample_files import build_dated_picture, build_picture

HERE = {"lon": 102.9, "lat": 37.6, "datum": "wgs84", "accuracy_m": 12, "provider": "gps"}
BEIJING = {"lon": 116.4, "lat": 39.9, "datum": "gcj02", "accuracy_m": 12}


async def upload_picture(scenario: ProjectScenario, content: bytes) -> str:
    answer = await scenario.town.post(
        "/projects/files",
        params={"name": "现场.jpg"},
        content=content,
        headers={"content-type": "image/jpeg"},
    )
    return str(expect_success(answer)["id"])


async def report(scenario: ProjectScenario, project_id: str, percent: int, **changes: Any) -> Any:
    return await scenario.post_progress(project_id, percent, **changes)


def codes(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(one["code"], one["pointer"]) for one in answer.json()["errors"]]


async def test_a_document_is_no_progress_photo(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    paper = await scenario.upload_file(scenario.town, "现场.pdf")
    answer = await report(scenario, project_id, 30, photos=[{"file_id": paper, "fix": HERE}])

    assert codes(answer) == [("not_a_picture", "/photos/0/file_id")]


async def test_a_photo_from_beijing_shows_no_works_in_liangzhou(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    photo = await scenario.upload_file(scenario.town, "现场.jpg")
    answer = await report(
        scenario, project_id, 50, photos=[{"file_id": photo, "fix": BEIJING}], reason="在北京开会"
    )

    assert codes(answer) == [("photo_outside", "/photos/0/fix")]


async def test_a_photo_far_from_the_projects_places_needs_a_reason(scenario: ProjectScenario) -> None:
    place = {"region": "620602100201", "point": {"lon": 102.9, "lat": 37.75, "datum": "wgs84"}}
    project_id = await scenario.create_started(places=[place])
    answer = await report(scenario, project_id, 30)

    assert codes(answer) == [("photo_far", "/photos/0/fix")]
    assert "16.7 公里" in answer.json()["detail"]
    expect_success(await report(scenario, project_id, 30, reason="材料在镇上加工场拍摄"))


async def test_the_same_picture_is_used_once_in_any_project(scenario: ProjectScenario) -> None:
    first, second = await scenario.create_started(), await scenario.create_started(name="另一个温室项目")
    content = build_picture(number=77)
    photo = await upload_picture(scenario, content)
    expect_success(await report(scenario, first, 50, photos=[{"file_id": photo, "fix": HERE}]))
    again = await report(scenario, first, 55, photos=[{"file_id": photo, "fix": HERE}])
    copy = await upload_picture(scenario, content)
    elsewhere = await report(scenario, second, 20, photos=[{"file_id": copy, "fix": HERE}])
    twice = await upload_picture(scenario, build_picture(number=78))
    both = [{"file_id": twice, "fix": HERE}, {"file_id": twice}]

    assert codes(again) == [("photo_used", "/photos/0/file_id")]
    assert codes(elsewhere) == [("photo_used", "/photos/0/file_id")]
    assert codes(await report(scenario, second, 20, photos=both)) == [("photo_used", "/photos/1/file_id")]


async def test_a_repeated_report_with_the_same_id_is_the_same_report(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    photo = await scenario.upload_file(scenario.town, "现场.jpg")
    body = {"id": "019000aa-0000-7000-8000-000000000001", "photos": [{"file_id": photo, "fix": HERE}]}
    once = expect_success(await report(scenario, project_id, 20, **body))
    again = expect_success(await report(scenario, project_id, 20, **body))

    assert once == again


async def test_a_photo_of_another_year_is_refused_by_what_the_camera_wrote(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    old = await upload_picture(scenario, build_dated_picture("2019:05:01 10:00:00"))
    fresh = await upload_picture(
        scenario, build_dated_picture(f"{scenario.today() - timedelta(days=2):%Y:%m:%d} 10:00:00")
    )
    answer = await report(scenario, project_id, 20, photos=[{"file_id": old, "fix": HERE}])

    assert codes(answer) == [("photo_time", "/photos/0/taken_at")]
    assert "2019-05-01" in answer.json()["detail"]
    expect_success(await report(scenario, project_id, 20, photos=[{"file_id": fresh, "fix": HERE}]))


async def test_a_stated_time_outside_the_month_is_refused(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_started()
    photo = await scenario.upload_file(scenario.town, "现场.jpg")
    taken_at = (scenario.clock.now() - timedelta(days=40)).isoformat()
    answer = await report(
        scenario, project_id, 20, photos=[{"file_id": photo, "fix": HERE, "taken_at": taken_at}]
    )

    assert codes(answer) == [("photo_time", "/photos/0/taken_at")]


async def test_cumulative_quantities_fit_the_plan(scenario: ProjectScenario) -> None:
    planned = [{"name": "供水管道", "amount": "5", "unit": "公里"}]
    project_id = await scenario.create_started(quantities=planned)

    def pipes(amount: str, unit: str = "公里") -> list[dict[str, str]]:
        return [{"name": "供水管道", "amount": amount, "unit": unit}]

    far_above = await report(scenario, project_id, 50, quantities=pipes("99"))
    expect_success(await report(scenario, project_id, 50, quantities=pipes("4000", "米")))
    lower = await report(scenario, project_id, 55, quantities=pipes("3"))
    other_kind = await report(scenario, project_id, 55, quantities=pipes("3", "座"))
    expect_success(await report(scenario, project_id, 55, quantities=pipes("3"), reason="上次误报"))
    project = expect_success(await scenario.town.get(f"/projects/{project_id}"))

    assert codes(far_above) == [("over_plan", "/quantities/0/amount")]
    assert codes(lower) == [("lower", "/quantities/0/amount")]
    assert "上次已报累计 4 公里" in lower.json()["detail"]
    assert codes(other_kind) == [("unit", "/quantities/0/unit")]
    assert [(one["name"], one["unit"], one["done"], one["percent"]) for one in project["reached"]] == [
        ("供水管道", "公里", "3", 60)
    ]
