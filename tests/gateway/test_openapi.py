"""Merged OpenAPI document, documentation page without external resources, readiness and metrics."""

import re
from typing import Any

from services.gateway.system.service import merge_documents
from tests.clients import SystemUnderTest


def collect_references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(collect_references(value) for value in node.values()))
    return set().union(*(collect_references(value) for value in node)) if isinstance(node, list) else set()


async def test_the_merged_document_contains_every_service(doors: SystemUnderTest) -> None:
    answer = await doors.service("gateway").anonymous_client().get("http://test/openapi.json")
    document = answer.json()
    for name, app in doors.apps.items():
        published = {
            path for path in app.openapi()["paths"] if path.startswith(("/api/v1/", "/.well-known/"))
        }
        assert published <= set(document["paths"]), name
    assert not [path for path in document["paths"] if "internal" in path]
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert collect_references(document["paths"]) | collect_references(document["components"]) <= known
    operations = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    assert len(operations) == len(set(operations))


def test_schemas_of_one_name_with_different_content_get_prefixes() -> None:
    def document(path: str, kind: str) -> dict[str, Any]:
        return {
            "openapi": "3.1.0",
            "info": {"version": "1", "title": kind},
            "paths": {path: {"get": {"schema": {"$ref": "#/components/schemas/Outer"}}}},
            "components": {
                "schemas": {
                    "Outer": {"properties": {"x": {"$ref": "#/components/schemas/Inner"}}},
                    "Inner": {"type": kind},
                    "Same": {"type": "string"},
                }
            },
        }

    own = {"openapi": "3.1.0", "info": {"version": "1"}, "paths": {}, "components": {}}
    found = merge_documents(
        own,
        {"funds": document("/api/v1/funds", "string"), "assets": document("/api/v1/assets", "integer")},
        [],
    )
    shapes = found["components"]["schemas"]
    assert set(shapes) == {"FundsOuter", "FundsInner", "AssetsOuter", "AssetsInner", "Same"}
    assert shapes["FundsOuter"]["properties"]["x"]["$ref"] == "#/components/schemas/FundsInner"
    assert found["paths"]["/api/v1/assets"]["get"]["schema"]["$ref"] == "#/components/schemas/AssetsOuter"


async def test_the_page_of_docs_loads_nothing_from_outside(doors: SystemUnderTest) -> None:
    client = doors.service("gateway").anonymous_client()
    page = await client.get("http://test/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(parts) == 4
    for part in parts:
        assert (await client.get(f"http://test/{part}")).status_code == 200
    assert "http" not in (await client.get("http://test/docs/start.js")).text
    assert (await client.get("http://test/docs/..%2fmain.py")).status_code in {400, 404}
    assert (await client.get("http://test/docs/index.html")).status_code == 404


async def test_the_page_draws_the_document_of_today(doors: SystemUnderTest) -> None:
    client = doors.service("gateway").anonymous_client()
    assert 'url: "openapi.json"' in (await client.get("http://test/docs/start.js")).text
    assert (await client.get("http://test/openapi.json")).json()["openapi"].startswith("3.1")
    assert '"5.' in (await client.get("http://test/docs/swagger-ui-bundle.js")).text, "reads OpenAPI 3.1"


async def test_readiness_names_every_service(doors: SystemUnderTest) -> None:
    answer = await doors.service("gateway").anonymous_client().get("http://test/status")
    found = answer.json()
    assert set(found["services"]) == set(doors.apps) - {"gateway"}
    down = [name for name, state in found["services"].items() if state != "ok"]
    assert set(down).isdisjoint(doors.apps)
    assert answer.status_code == (503 if down else 200)


async def test_metrics_name_the_service_of_a_request(doors: SystemUnderTest) -> None:
    client = doors.service("gateway").client_as("finance")
    await client.get("/funds/plans")
    figures = (await client.get("http://test/metrics")).text
    assert 'http_requests_total{method="GET",route="funds",service="gateway",status="200"}' in figures
