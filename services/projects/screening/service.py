"""Screening for the rest of the library: which rules hold today, and one call that judges a project."""

from datetime import date
from functools import lru_cache
from pathlib import Path

from services.projects.screening.engine import Engine
from services.projects.screening.rules import RuleSet
from services.projects.screening.schemas import Screening, ScreeningSubject
from shared.work import Work

RULES = Path(__file__).parent.parent / "rules" / "screening"


async def screen(work: Work, subject: ScreeningSubject) -> Screening:
    """Judge a project, or a text that may become one, by the rules in force today; nothing is stored.

    The seam of the library: hand over what is known (`name` at least; readiness is asked only when one of
    `READINESS_FIELDS` is given, even as null), get the verdict, the findings and the digest of the rules.
    """
    return _engine(work.today).screen(subject)


@lru_cache(maxsize=1)
def built_in() -> RuleSet:
    """The rules as the files of this release say, read once."""
    return RuleSet.load(RULES)


@lru_cache(maxsize=4)
def _engine(day: date) -> Engine:
    return Engine(built_in().on(day))
