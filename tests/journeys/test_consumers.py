"""From the producer's door to the consumer's answer: for every topic that a service is told of, an event that a request made."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from services.assets.book.service import fill_missing_funding
from services.funds.commitments.models import CachedProject
from services.projects.attachments.models import Attachment
from services.projects.projects.models import Project
from shared.china import format_yuan
from shared.db import event_log, execute_core, new_id, notice
from shared.db.migrate import load_base
from shared.events import SUBSCRIBERS
from shared.imports.schemas import ImportState
from tests.alerts.cases import BUILDERS
from tests.assets.factories_assets import AssetScenario
from tests.attendance.factories_attendance import create_post, get_json
from tests.clients import VILLAGE, SystemUnderTest
from tests.conftest import Clock
from tests.files.test_uploads import build_photo, send
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.households.factories_households import CADRE, Monitoring, build_form
from tests.households.test_person_requests import ERASURE
from tests.households.test_person_requests import REQUESTS as PERSON_REQUESTS
from tests.identity.factories_identity import build_account
from tests.projects.factories_projects import ProjectScenario
from tests.stored_text_search import find_clear_text

OPERATING_CATEGORIES = ("1.1", "1.2", "1.3.2")
"""生产, 加工流通 and 产业园 projects become operating assets, everything else public ones; 到户 projects household ones."""


@dataclass
class Country:
    """All services, with the steps of each."""

    doors: SystemUnderTest
    clock: Clock

    def __post_init__(self) -> None:
        self.projects = ProjectScenario(self.doors, self.clock)
        self.funds = FundsScenario(self.doors.service("funds"), FakeProjectLibrary())
        self.assets = AssetScenario(self.doors, self.doors.service("assets"))

    async def get_project(self, project: str) -> Any:
        return expect_ok(await self.projects.bureau.get(f"/projects/{project}"))

    async def get_cached_project(self, project: str) -> CachedProject:
        """What funds keeps of a project."""
        async with self.funds.door.context.database.read() as session:
            found = await session.get(CachedProject, UUID(project))
        assert found is not None
        return found

    async def issue(self, project: str, amount: int, **line: Any) -> dict[str, Any]:
        """Distribute an amount in 分 to a project, from the document to the issue; deliver the events."""
        source = line.pop("source", None) or (await self.funds.create_source(amount))["id"]
        plan = await self.funds.create_plan(
            build_line(project, source, amount, **line), **({"kind": "amendment"} if amount < 0 else {})
        )
        expect_ok(await self.funds.transition_plan(self.funds.bureau, plan["id"], "submit"))
        decision = {
            "decision_no": f"凉财农〔2024〕{plan['id'][-4:]}号",
            "decision_on": str(self.projects.today()),
        }
        expect_ok(await self.funds.transition_plan(self.funds.finance, plan["id"], "approve", **decision))
        await self.funds.post_plan_notice(plan["id"], str(self.projects.today()))
        self.clock.advance(timedelta(days=11))
        expect_ok(await self.funds.transition_plan(self.funds.finance, plan["id"], "issue"))
        await self.doors.deliver_events()
        page = expect_ok(await self.funds.finance.get("/funds/allocations", params={"plan_id": plan["id"]}))
        return dict(page["items"][0]) if page["items"] else {}

    async def pay(self, allocation: str, amount: int) -> dict[str, Any]:
        """Pay an amount in 分 of an allocation; deliver the events."""
        payment = await self.funds.create_payment(allocation, amount)
        for who, action in (
            (self.funds.town, "submit"),
            (self.funds.reviewer, "review"),
            (self.funds.finance, "approve"),
        ):
            expect_ok(await self.funds.transition_payment(who, payment["id"], action))
        voucher = {"voucher_no": f"2024-{payment['id'][-6:]}", "paid_on": str(self.projects.today())}
        expect_ok(await self.funds.transition_payment(self.funds.cashier, payment["id"], "pay", **voucher))
        await self.doors.deliver_events()
        return dict(payment)

    async def list_assets(self, project: str) -> list[dict[str, Any]]:
        found = expect_ok(
            await self.assets.bureau.get("/assets", params={"project_id": project, "limit": 200})
        )
        return list(found["items"])


@pytest.fixture
def country(doors: SystemUnderTest, clock: Clock) -> Country:
    return Country(doors, clock)


async def check_project_moved_in_funds(country: Country) -> None:
    project = await country.projects.create_in_reserve()
    await country.doors.deliver_events()
    cached = await country.get_cached_project(project)
    shown = await country.get_project(project)
    assert (cached.state, cached.code, cached.category) == ("reserve", shown["library_code"], "1.1.1")
    assert (cached.industry, cached.blocked, cached.version) == (True, False, shown["version"])


async def check_project_moved_in_assets(country: Country) -> None:
    project = await country.projects.create_in_reserve(name="新店村日光温室新建项目")
    await country.doors.deliver_events()
    asset = await country.assets.create_asset(project_id=project)
    assert asset["project_name"] == "新店村日光温室新建项目"


async def check_project_progressed_in_funds(country: Country) -> None:
    project = await country.projects.create_in_reserve()
    allocation = await country.issue(project, 1_000_000_00)
    await country.projects.start_project(project)
    expect_ok(await country.projects.post_progress(project, 40), 201)
    await country.doors.deliver_events()
    payment = await country.funds.create_payment(allocation["id"], 400_000_00)
    checks = expect_ok(await country.funds.leader.get(f"/funds/payments/{payment['id']}/checks"))
    progress = next(finding for finding in checks["findings"] if finding["key"] == "payment.progress")
    assert (progress["passed"], progress["figures"]["形象进度%"]) == (True, "40")
    site_visit = (await country.get_cached_project(project)).reported_on
    assert site_visit == country.projects.today()
    await country.projects.transition_project(country.projects.bureau, project, "suspend", reason="冬季停工")
    await country.doors.deliver_events()
    assert (await country.get_cached_project(project)).reported_on == site_visit


async def check_project_accepted_in_assets(country: Country) -> None:
    project = await country.projects.create_accepted()
    await country.doors.deliver_events()
    (asset,) = await country.list_assets(project)
    assert (asset["state"], asset["original_value"], asset["asset_class"]) == (
        "draft",
        "980000.00",
        "operating",
    )
    coverage = expect_ok(await country.assets.bureau.get(f"/assets/coverage/{project}"))
    assert (coverage["drafts"], coverage["registered_value"]) == (1, "0.00")


async def check_allocation_issued_in_projects(country: Country) -> None:
    project = await country.projects.create_in_reserve()
    await country.issue(project, 1_000_000_00)
    shown = await country.get_project(project)
    assert (shown["state"], shown["allocated"]) == ("planned", "1000000.00")


async def check_allocation_recalled_in_projects(country: Country) -> None:
    project = await country.projects.create_in_reserve()
    allocation = await country.issue(project, 1_000_000_00)
    await country.issue(project, -400_000_00, source=allocation["source_id"], allocation_id=allocation["id"])
    assert (await country.get_project(project))["allocated"] == "600000.00"


async def check_payment_paid_in_projects(country: Country) -> None:
    project = await country.projects.create_in_reserve()
    allocation = await country.issue(project, 1_000_000_00)
    await country.projects.start_project(project)
    expect_ok(await country.projects.post_progress(project, 60), 201)
    payment = await country.pay(allocation["id"], 400_000_00)
    assert (await country.get_project(project))["paid"] == "400000.00"
    await refund(country, payment, 100_000_00)
    assert (await country.get_project(project))["paid"] == "300000.00"


async def check_payment_refunded_in_projects(country: Country) -> None:
    await check_payment_paid_in_projects(country)


async def refund(country: Country, payment: dict[str, Any], amount: int) -> None:
    """Refund a part of a payment; deliver the events."""
    body = {
        "amount": format_yuan(amount), "voucher_no": f"T-{amount}", "happened_on": str(country.projects.today()),
        "reason": "账号有误退回",
    }  # fmt: skip
    expect_ok(await country.funds.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=body), 201)
    await country.doors.deliver_events()


@dataclass
class FundedAsset:
    """A registered asset of a project that two fund documents paid for."""

    country: Country
    project: str
    second: dict[str, Any]
    """The allocation of the second document."""
    asset: str

    async def read_funding(self) -> list[str]:
        """Amounts of the asset's sources in 元, as the background task finds them a day later."""
        self.country.clock.advance(timedelta(days=1))
        await fill_missing_funding(self.country.assets.service.context)
        shown = expect_ok(await self.country.assets.bureau.get(f"/assets/{self.asset}"))
        return [part["amount"] for part in shown["funding"]]


async def create_funded_asset(country: Country) -> FundedAsset:
    """A project of 980,000 元, by 580,000 of one document and 400,000 of another, and its registered asset."""
    project = await country.projects.create_in_reserve()
    await country.issue(project, 580_000_00)
    second = await country.issue(project, 400_000_00)
    await country.projects.start_project(project)
    await country.projects.finish_project(project)
    await country.projects.accept_project(project, "980000.00")
    await country.doors.deliver_events()
    (asset,) = await country.list_assets(project)
    clerk, address = country.assets.clerk, f"/assets/{asset['id']}"
    tag = {"If-Match": (await clerk.get(address)).headers["ETag"]}
    owner = {"owner_kind": "village", "owner_name": "新店村股份经济合作社", "subclass": "plant"}
    expect_ok(await clerk.patch(address, json=owner, headers=tag))
    await country.assets.transition_asset_ok(clerk, asset["id"], "register")
    return FundedAsset(country, project, second, asset["id"])


async def check_allocation_issued_in_assets(country: Country) -> None:
    project = await country.projects.create_in_reserve()
    first = await country.issue(project, 300_000_00)
    asset = await country.assets.create_registered_asset(
        project_id=project, original_value="500000.00", funding=[]
    )
    funded = FundedAsset(country, project, first, asset["id"])
    assert await funded.read_funding() == ["500000.00"]
    await country.issue(project, 200_000_00)
    assert await funded.read_funding() == ["300000.00", "200000.00"]


async def check_allocation_recalled_in_assets(country: Country) -> None:
    funded = await create_funded_asset(country)
    assert await funded.read_funding() == ["580000.00", "400000.00"]
    second = funded.second
    await country.issue(funded.project, -400_000_00, source=second["source_id"], allocation_id=second["id"])
    assert await funded.read_funding() == ["980000.00"]


async def check_payment_refunded_in_assets(country: Country) -> None:
    funded = await create_funded_asset(country)
    assert await funded.read_funding() == ["580000.00", "400000.00"]
    await refund(country, await country.pay(funded.second["id"], 400_000_00), 400_000_00)
    assert await funded.read_funding() == ["980000.00"]


async def check_payment_paid_in_assets(country: Country) -> None:
    funded = await create_funded_asset(country)
    await refund(country, await country.pay(funded.second["id"], 400_000_00), 400_000_00)
    assert await funded.read_funding() == ["980000.00"]
    await country.pay(funded.second["id"], 400_000_00)
    assert await funded.read_funding() == ["580000.00", "400000.00"]


async def check_asset_handed_over_in_projects(country: Country) -> None:
    project = await country.projects.create_accepted()
    await country.doors.deliver_events()
    asset = await country.assets.create_handed_over_asset(project_id=project)
    await country.doors.deliver_events()
    assert (await country.get_project(project))["handed_over_value"] == asset["original_value"]


async def hand_over(country: Country, leaver: str) -> None:
    """An administrator opens two accounts and hands the work of the first to the second."""
    admin = country.doors.service("identity").client_as("admin")
    for name in (leaver, "next.one"):
        expect_ok(await admin.post("/users", json=build_account(id=name, name="接班人")), 201)
    body = {"account": leaver, "successor": "next.one", "reason": "调离"}
    expect_ok(await admin.post("/handovers", json=body), 201)
    await country.doors.deliver_events()


async def check_alert_owner(country: Country, service: str) -> None:
    """An alert of the one who leaves belongs to the successor."""
    case = await BUILDERS[service](country.doors, country.clock)
    await case.cause()
    await case.scan()
    (alert,) = await case.list_alerts()
    await case.act(alert["id"], "assign", owner="leaving.one")
    await hand_over(country, "leaving.one")
    assert [one["owner"] for one in await case.list_alerts()] == ["next.one"]


async def check_account_handed_over_in_funds(country: Country) -> None:
    await check_alert_owner(country, "funds")


async def check_account_handed_over_in_projects(country: Country) -> None:
    await check_alert_owner(country, "projects")


async def check_account_handed_over_in_assets(country: Country) -> None:
    await check_alert_owner(country, "assets")


async def check_account_handed_over_in_attendance(country: Country) -> None:
    """A post of the one who leaves is the successor's from today on."""
    town = country.doors.service("attendance").client_as("town_officer")
    post = await create_post(town, "leaving.one")
    await hand_over(country, "leaving.one")
    rows = (await get_json(town, "/attendance/assignments", post_id=post["id"]))["items"]
    assert {row["person"] for row in rows if row["ends_on"] is None} == {"next.one"}


async def check_personal_data_erased_in_files(country: Country) -> None:
    """The signed consent of a household, uploaded in pieces, goes with the person's data; another's upload stays."""
    people = Monitoring(country.doors.service)
    phone = country.doors.service("files").client_as("cadre", person=CADRE)
    consent, other = [await send(phone, build_photo(seed)) for seed in (1, 2)]
    (head, *_) = build_form()["members"]
    household = await people.enter(file_ids=[consent], members=[head])
    await people.must(people.bureau, household, "reject", reason="收入超过监测范围")
    request = (await people.comparer.post(PERSON_REQUESTS, json=ERASURE)).json()["id"]
    await people.must(people.bureau, request, "erase", PERSON_REQUESTS)
    assert [(await phone.get(f"/files/{one}")).status_code for one in (consent, other)] == [200, 200]
    await country.doors.deliver_events()
    assert [(await phone.get(f"/files/{one}")).status_code for one in (consent, other)] == [404, 200]


async def erase_account(country: Country, service: str) -> None:
    """A person who imported a table leaves; half a year later two officers erase them."""
    identity, door = country.doors.service("identity"), country.doors.service(service)
    admin, second = identity.client_as("admin"), identity.client_as("security_admin")
    grants = [{"role": "cadre", "region": VILLAGE, "valid_to": str(country.projects.today())}]
    opened = await admin.post("/users", json=build_account(id="qi.yz", name="祁样注", grants=grants))
    jobs = [one for one in load_base(service).__subclasses__() if one.__tablename__ == "import_job"]
    at = door.context.clock()
    async with door.context.database.write() as session:
        for job in jobs:
            told = {
                "sha256": "0" * 64,
                "actor": {"name": "祁样注"},
                "state": ImportState.DONE,
                "total": 0,
                "kind": "",
            }
            made = {"region": VILLAGE, "created_by": "qi.yz", "created_at": at, "updated_at": at}
            session.add(job(id=new_id(), **told, **made))
    match = {"If-Match": opened.headers["etag"]}
    expect_ok(await admin.patch("/users/qi.yz", json={"disabled": True}, headers=match))
    country.clock.advance(timedelta(days=181))
    body = {
        "kind": "erasure",
        "basis": "purpose_over",
        "account": "qi.yz",
        "name": "祁样注",
        "document": "信申1号",
    }
    request = expect_ok(await admin.post("/identity/person-requests", json=body), 201)["id"]
    expect_ok(await second.post(f"/identity/person-requests/{request}/erase", json={}))
    await country.doors.deliver_events()


async def check_account_erased(country: Country, service: str) -> None:
    """The name is in no column of the service, and its log tells that its copies were emptied."""
    await erase_account(country, service)
    context = country.doors.service(service).context
    named = await find_clear_text(context, "祁样注")
    assert "import_job.actor" not in named
    async with context.database.read() as session:
        log = event_log.c
        query = sa.select(log.after).where(log.type == "personal_data.erased", log.subject == "qi.yz")
        (told,) = (await execute_core(session, query)).scalars()
    has_imports = "import_job" in load_base(service).metadata.tables
    assert ("import_job.actor" in told["columns"]) == has_imports


CHECKS = {
    ("account.erased", service): partial(check_account_erased, service=service)
    for service in SUBSCRIBERS["account.erased"]
} | {
    (topic, service): globals().get(f"check_{topic.replace('.', '_')}_in_{service}")
    for topic, services in SUBSCRIBERS.items()
    for service in services
    if topic != "account.erased"
}


@pytest.mark.parametrize(
    ("topic", "service"), CHECKS, ids=[f"{topic}-{service}" for topic, service in CHECKS]
)
async def test_what_a_request_told_takes_effect_in_the_neighbour(
    country: Country, topic: str, service: str
) -> None:
    check = CHECKS[topic, service]
    assert check is not None, f"write check_{topic.replace('.', '_')}_in_{service}"

    await check(country)


async def copy_completed_project(
    country: Country, project: str, categories: list[tuple[str, bool]]
) -> dict[str, str]:
    """Copies of a completed project, with its papers and its notice, one of each category; id → category."""
    copies = {}
    async with country.projects.projects.context.database.write() as session:
        for category, household in categories:
            copy_id = new_id()
            copies[str(copy_id)] = category
            for table, key in (
                (Project.__table__, "id"),  # type: ignore[attr-defined]
                (Attachment.__table__, "project_id"),  # type: ignore[attr-defined]
                (notice, "subject"),
            ):
                source = project if table is notice else UUID(project)
                rows = await execute_core(session, sa.select(table).where(table.c[key] == source))
                for row in rows:
                    values = row._asdict() | ({} if key == "id" else {"id": new_id()})
                    values[key] = str(copy_id) if table is notice else copy_id
                    if key == "id":
                        code = f"620602-2024-{len(copies) + 10000}"
                        values |= {"category": category, "household": household, "library_code": code}
                    await execute_core(session, table.insert().values(**values))
    return copies


async def test_a_project_of_each_category_becomes_an_asset_of_the_class_of_its_rule(country: Country) -> None:
    projects = country.projects
    tree = expect_ok(await projects.bureau.get("/projects/categories"))
    codes = sorted({one["code"] for one in tree["items"]})
    project = await projects.create_completed()
    await projects.attach_document(project, "acceptance", projects.bureau)
    await projects.post_notice(projects.town, project, "completion")
    categories = [(code, False) for code in codes] + [("1.1.1", True)]
    copies = await copy_completed_project(country, project, categories)
    for copy_id in copies:
        await projects.transition_project(projects.bureau, copy_id, "accept", settled="980000.00")
    await country.doors.deliver_events()

    wrong = []
    for (copy_id, category), (_, household) in zip(copies.items(), categories, strict=True):
        is_operating = any(category == one or category.startswith(f"{one}.") for one in OPERATING_CATEGORIES)
        expected = "household" if household else "operating" if is_operating else "public"
        found = [asset["asset_class"] for asset in await country.list_assets(copy_id)]
        if found != [expected]:
            wrong.append(f"{category}: {found}, not {expected}")

    assert {"1.1.1", "1.3.1", "1.3.2", "3.1.2"} <= set(codes)
    assert not wrong
