"""Fake projects service that follows the contract in shared/clients/projects.py, so that funds is tested alone."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from shared.db import new_id
from tests.clients import TOWN

COMMITTABLE_STATES = ("reserve", "planned")


class FakeProjectLibrary:
    """Projects, their commitments, and switches for every failure."""

    def __init__(self) -> None:
        self.projects: dict[UUID, dict[str, Any]] = {}
        self.commitments: dict[UUID, dict[UUID, dict[str, Any]]] = {}
        self.is_down = False
        self.forbidden_words: dict[str, str] = {}
        """Word → severity, "block" or "review"."""
        self.refused_projects: set[UUID] = set()
        self.after_commit: Callable[[], Any] | None = None
        self.app = FastAPI()
        self.app.add_api_route("/api/v1/projects", self._list_projects, methods=["GET"])
        self.app.add_api_route("/api/v1/projects", self._create_project, methods=["POST"])
        self.app.add_api_route("/api/v1/projects/{project_id}", self._get_project, methods=["GET"])
        self.app.add_api_route("/api/v1/projects/screenings", self._screen_text, methods=["POST"])
        path = "/api/v1/projects/{project_id}/commitments/{commitment_id}"
        self.app.add_api_route(path, self._put_commitment, methods=["PUT"])
        self.app.add_api_route(path, self._delete_commitment, methods=["DELETE"])

    def create_project(self, name: str = "泽库县农村牧区小口机井工程", **overrides: Any) -> UUID:
        """Create a project, by default in reserve state; return its id."""
        return self.add_project(new_id(), name, **overrides)

    def add_project(self, project_id: UUID, name: str = "机井", **overrides: Any) -> UUID:
        """Add a project under a given id."""
        self.projects[project_id] = {
            "id": str(project_id),
            "region": TOWN,
            "name": name,
            "state": "reserve",
            "stage": "reserve",
            "category": "3.1",
            "category_label": "农村基础设施",
            "library_code": "ZK-2023-001",
            "place": "西卜沙乡",
            "content": "新建机井",
            "implementing_unit": "泽库县农牧水利和科技局",
            "counts_as_industry": False,
            "blocked": False,
            "physical_percent": None,
            "version": 1,
            **overrides,
        }
        self.commitments[project_id] = {}
        return project_id

    def update_project(self, project_id: UUID, **changes: Any) -> None:
        """Change columns of a project and increment its version."""
        project = self.projects[project_id]
        project.update(changes, version=project["version"] + 1)

    def list_committed_amounts(self, project_id: UUID) -> list[str]:
        """Amounts committed to a project, in 元."""
        return [commitment["amount"] for commitment in self.commitments[project_id].values()]

    def _unavailable_response(self) -> Response | None:
        return JSONResponse({}, 503) if self.is_down else None

    async def _list_projects(self, region: str = "", q: str = "") -> Any:
        if self.is_down:
            return JSONResponse({}, 503)
        head = region.rstrip("0")
        items = [
            project
            for project in self.projects.values()
            if project["region"].startswith(head) and q in project["name"]
        ]
        return {"items": items, "next_cursor": None}

    async def _create_project(self, request: Request) -> Any:
        if self.is_down:
            return JSONResponse({}, 503)
        body = await request.json()
        project_id = self.create_project(
            body["name"], region=body["region"], state="draft", stage="admission"
        )
        return JSONResponse(self.projects[project_id], 201)

    async def _screen_text(self, request: Request) -> Any:
        if unavailable := self._unavailable_response():
            return unavailable
        text = (await request.json())["name"]
        findings = [
            {"rule": f"{word}@1", "severity": weight, "explanation": f"文字写到“{word}”", "advice": "请核实"}
            for word, weight in self.forbidden_words.items()
            if word in text
        ]
        verdicts = [finding["severity"] for finding in findings] + ["clear"]
        return {"verdict": min(verdicts, key=("block", "review", "clear").index), "findings": findings}

    async def _get_project(self, project_id: UUID) -> Any:
        if unavailable := self._unavailable_response():
            return unavailable
        if project_id not in self.projects:
            return build_problem(404, "not-found", "没有这个项目")
        return self.projects[project_id]

    async def _put_commitment(self, project_id: UUID, commitment_id: UUID, request: Request) -> Any:
        if unavailable := self._unavailable_response():
            return unavailable
        body = await request.json()
        project = self.projects[project_id]
        if (
            project_id in self.refused_projects
            or project["state"] not in COMMITTABLE_STATES
            or project["blocked"]
        ):
            return build_problem(409, "conflict", f"项目处于 {project['state']}, 不能安排资金")
        self.commitments[project_id][commitment_id] = body
        if self.after_commit is not None:
            outcome = self.after_commit()
            if asyncio.iscoroutine(outcome):
                await outcome
        return {"id": str(commitment_id), **body}

    async def _delete_commitment(self, project_id: UUID, commitment_id: UUID) -> Any:
        if unavailable := self._unavailable_response():
            return unavailable
        if self.commitments.get(project_id, {}).pop(commitment_id, None) is None:
            return build_problem(404, "not-found", "没有这项登记")
        return Response(status_code=204)


def build_problem(status: int, kind: str, detail: str) -> JSONResponse:
    """Problem response as the services send it."""
    return JSONResponse(
        {"type": f"/problems/{kind}", "status": status, "detail": detail},
        status,
        media_type="application/problem+json",
    )
