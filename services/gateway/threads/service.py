"""Threads: collect the records of one chain of funds from all services and order them as steps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.gateway.fan_out import FanOut, gather
from services.gateway.threads.schemas import Rows, Thread, ThreadStep
from shared.clients.composition import LINK, Composition, StepSpec, ThreadPage
from shared.errors import FieldError, Invalid, NotFound

MAX_STEP_TEXT_LENGTH = 120
MAX_FULL_PROJECTS = 30
"""Projects whose records are loaded; the answer gives the number of further ones."""
FIGURES = "figures"
"""The list that holds totals and no records."""
Pages = Sequence[tuple[str, ThreadPage]]
Parts = dict[str, Rows]


def build_steps(declared: Mapping[str, Composition], parts: Mapping[str, Rows]) -> list[ThreadStep]:
    """Convert records to steps, sorted by day, within a day by their rank; steps without a day come last."""
    ranked = sorted(
        ((step.rank, service, step) for service, part in declared.items() for step in part.thread_steps),
        key=lambda one: one[0],
    )
    steps = [
        _build_step(service, spec, row)
        for _, service, spec in ranked
        for row in parts.get(spec.list_name, [])
        if isinstance(row, dict)
    ]
    return sorted(steps, key=lambda step: step.on or "9999")


def _build_step(service: str, spec: StepSpec, row: Mapping[str, Any]) -> ThreadStep:
    texts = [str(row[name]) for name in spec.text_fields if row.get(name) not in {None, ""}]
    return ThreadStep(
        label=spec.label,
        on=next((str(row[name])[:10] for name in spec.day_fields if row.get(name)), ""),
        text=" ".join(texts)[:MAX_STEP_TEXT_LENGTH],
        amount=str(row.get(spec.amount_field) or "") if spec.amount_field else "",
        state=str(row.get("state") or ""),
        service=service,
        id=str(row.get("id", "")),
        address="/api/v1" + spec.address.format_map(_BlankMissingFields(row)),
    )


class _BlankMissingFields(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


async def get_thread(fan_out: FanOut, kind: str, record_id: UUID) -> Thread:
    """Load the chain of funds around a record. Raises NotFound when all services answer and none knows the record.

    The pages that take the record are asked first; they name its projects. By each project the other pages are asked, but
    for lists that the record itself has answered.
    """
    declared = await fan_out.list_compositions()
    label = _get_label(declared, kind)
    pages = [(service, page) for service, part in declared.items() for page in part.thread_pages]
    first = [one for one in pages if one[1].by == f"{kind}_id"]
    parts: Parts = {name: [] for _, page in pages for name in page.lists}
    project_ids = await _load_pages(fan_out, first, record_id, parts)
    if f"{kind}_id" != LINK:
        known = {name for _, page in first for name in page.lists}
        rest = [one for one in pages if one[1].by == LINK and not known & set(one[1].lists)]
        await _load_projects(fan_out, rest, project_ids[:MAX_FULL_PROJECTS], parts)
    steps = build_steps(declared, parts)
    if not steps and not fan_out.unavailable and not fan_out.forbidden:
        raise NotFound(f"您的辖区内没有这个{label}", f"No such {kind} in your regions")
    figures = parts.pop(FIGURES, [])
    return Thread(
        kind=kind,
        id=record_id,
        steps=steps,
        figures=figures[0] if figures else None,
        more_projects=max(0, len(project_ids) - MAX_FULL_PROJECTS),
        missing=list(fan_out.unavailable.values()),
        withheld=list(fan_out.forbidden.values()),
        **parts,
    )


def _get_label(declared: Mapping[str, Composition], kind: str) -> str:
    """The words of a kind of record; Invalid when no page takes it. The service that has the words may be away."""
    labels = {name: label for part in declared.values() for name, label in part.thread_kinds.items()}
    known = {page.by.removesuffix("_id") for part in declared.values() for page in part.thread_pages}
    if kind not in known:
        error = FieldError("unknown", f"须为 {', '.join(sorted(labels))} 之一", "Unknown kind", "/kind")
        raise Invalid("不能从这种记录查起", "No thread starts from this kind", errors=[error])
    return labels.get(kind, "记录")


async def _load_projects(fan_out: FanOut, pages: Pages, project_ids: Iterable[str], parts: Parts) -> None:
    """Ask the pages for all projects at once; the lists keep the order of the projects."""
    found: list[Parts] = [defaultdict(list) for _ in project_ids]
    await gather(
        _load_pages(fan_out, pages, project_id, into)
        for project_id, into in zip(project_ids, found, strict=True)
    )
    for one in found:
        for name, rows in one.items():
            parts[name] += rows


async def _load_pages(fan_out: FanOut, pages: Pages, record_id: object, parts: Parts) -> list[str]:
    """Add the lists of these pages to the parts; returns the projects that they lead to."""
    answers = await gather(_ask(fan_out, service, page, record_id) for service, page in pages)
    projects: dict[str, None] = {}
    for (_, page), answer in zip(pages, answers, strict=True):
        for name, key in page.lists.items():
            parts[name] += _as_rows(answer, key)
        projects |= dict.fromkeys(_as_ids(answer, page.leads_to))
    return list(projects)


async def _ask(fan_out: FanOut, service: str, page: ThreadPage, record_id: object) -> Any:  # noqa: ANN401 - any JSON
    in_path = f"{{{page.by}}}" in page.address
    params = {"limit": page.limit} | ({} if in_path else {page.by: record_id})
    return await fan_out.get_or_none(service, page.address.replace(f"{{{page.by}}}", str(record_id)), params)


def _as_rows(answer: Any, key: str) -> Rows:  # noqa: ANN401 - any JSON
    found = answer if not key or answer is None else answer.get(key)
    return found if isinstance(found, list) else [found] if found else []


def _as_ids(answer: Any, key: str) -> list[str]:  # noqa: ANN401 - any JSON
    found = answer.get(key) if key and answer is not None else None
    return [str(one) for one in found] if isinstance(found, list) else [str(found)] if found else []
