"""Screening for the rest of the library: which rules hold today, one call that judges, one that keeps the judgement.

The seam of the library:
    found = await service.screen(work, subject, project_id=project.id)   # judges; stores nothing
    await service.record(work, [Judged(...)])                            # keeps it, with the keys that find alike projects
    await service.uncleared(work, {project.id: found})                   # findings nobody confirmed or waived
Readiness is asked only when one of `READINESS_FIELDS` is given, even as null.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from services.projects.screening import repository
from services.projects.screening.duplicates import duplicate_keys
from services.projects.screening.engine import Engine
from services.projects.screening.kinds import Occasion
from services.projects.screening.rules import RuleSet, read_rows, read_words
from services.projects.screening.schemas import Family, Finding, Screening, ScreeningSubject
from shared.ids import new_id
from shared.work import Work

RULES = Path(__file__).parent.parent / "rules" / "screening"
ENGINES_KEPT = 8
_engines: dict[tuple[str, date], Engine] = {}


@dataclass(frozen=True)
class Judged:
    """A project, what was found of it, and how many findings are still open."""

    project_id: UUID
    region: str
    year: int
    subject: ScreeningSubject
    found: Screening
    open: int
    new_text: bool = True


async def screen(work: Work, subject: ScreeningSubject, *, project_id: UUID | None = None) -> Screening:
    """Judge a project, or a text that may become one, by the rules in force today in its region; nothing is stored.

    A project (`project_id`) is held against every other of its place and time whose keys `record` kept; a text against
    those its author may see.
    """
    engine = await engine_for(work, subject.region or work.context.settings.district)
    keys = duplicate_keys(subject)
    if project_id is None:
        return engine.screen(subject, await repository.alike(work, keys))
    return engine.screen(subject, await repository.system_alike_to(work, keys, project_id))


async def engine_for(work: Work, region: str) -> Engine:
    """The compiled rules in force today in a region."""
    digest = await repository.system_in_force(work, region)
    return await engine_of(work, digest)


async def engine_of(work: Work, digest: str | None) -> Engine:
    """The compiled rules of a kept set as they hold today; None is the built-in set."""
    key = (digest or built_in().version, work.today)
    if key not in _engines:
        if digest is None:
            rules = built_in()
        else:
            row = await repository.system_content(work, digest)
            rules = RuleSet.parse(row.rules, read_words(row.words))
        while len(_engines) >= ENGINES_KEPT:
            _engines.pop(next(iter(_engines)))
        _engines[key] = Engine(rules.on(work.today), rules.version)
    return _engines[key]


@lru_cache(maxsize=1)
def built_in() -> RuleSet:
    """The rules as the files of this release say, read once."""
    return RuleSet.load(RULES)


@lru_cache(maxsize=1)
def source() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows and word sets of the files as they are written, to be edited."""
    return read_rows(RULES)


async def record(work: Work, judged: Sequence[Judged], occasion: Occasion) -> None:
    """Keep judgements as they were made: rules, findings, when, by whom and why then; and the keys of new texts."""
    fresh = [one for one in judged if one.new_text]
    await repository.system_put_keys(
        work, [(one.project_id, one.region, one.year, duplicate_keys(one.subject)) for one in fresh]
    )
    await repository.system_add_runs(
        work,
        [
            {
                "id": new_id(),
                "project_id": one.project_id,
                "region": one.region,
                "occasion": occasion,
                "at": work.at,
                "by": work.actor.id,
                "rule_set_version": one.found.rules_version,
                "verdict": one.found.verdict,
                "findings": [shown(finding, one.project_id) for finding in one.found.findings],
                "open": one.open,
            }
            for one in judged
        ],
    )


async def uncleared(work: Work, found: Mapping[UUID, Screening]) -> dict[UUID, list[Finding]]:
    """Per project the findings that nobody has confirmed or waived as they stand now."""
    marks = {mark(one, project_id) for project_id, screening in found.items() for one in screening.findings}
    cleared = await repository.system_cleared(work, marks)
    return {
        project_id: [one for one in screening.findings if mark(one, project_id) not in cleared]
        for project_id, screening in found.items()
    }


def mark(finding: Finding, project_id: UUID) -> str:
    """What makes a finding of a project the same one when it is screened again: rule, version and words.

    Of two alike projects it is the pair: who looked at one of them looked at both.
    """
    if finding.family is Family.DUPLICATE:
        parts = ["alike", *sorted([str(project_id), finding.other])]
    else:
        said = sorted({f"{match.field}:{match.text}" for match in finding.matches})
        parts = [str(project_id), finding.rule, str(finding.rule_version), *said]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:20]


def shown(finding: Finding, project_id: UUID) -> dict[str, Any]:
    """A finding as it is kept, with its mark."""
    return {**finding.model_dump(mode="json"), "mark": mark(finding, project_id)}
