"""The validation rules that are published for the national monitoring data, as a table: code, words, and the test of a household.

Form and check digit of id numbers are refused where they are entered; a person who stands in two households too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from services.households.households.lifecycle import HELPED, HouseholdState, RemovalWay
from services.households.households.schemas import (
    HouseholdIncome,
    HouseholdType,
    MonitorClass,
    Relation,
    Safeguards,
)


@dataclass(frozen=True)
class CheckedHousehold:
    """What the checks look at."""

    state: HouseholdState
    household_type: HouseholdType
    monitor_class: MonitorClass
    relations: tuple[Relation, ...]
    risks: tuple[str, ...]
    income: HouseholdIncome
    safeguards: Safeguards
    verified_on: date
    identified_on: date | None = None
    removal_way: RemovalWay | None = None
    income_after: HouseholdIncome | None = None
    safeguards_after: Safeguards | None = None
    measures_done: int = 0


@dataclass(frozen=True)
class Check:
    """A rule: its code, what is wrong in words, and whether a household breaks it."""

    code: str
    words: str
    broken: Callable[[CheckedHousehold], bool]


def _has_gap(safeguards: Safeguards | None) -> bool:
    return safeguards is None or None in {safeguards.education, safeguards.housing, safeguards.water}


CHECKS = (
    Check("no_head", "没有户主或户主多于一人", lambda one: one.relations.count(Relation.HEAD) != 1),
    Check("no_risk", "风险为空", lambda one: not one.risks),
    Check("repeated_risk", "风险重复", lambda one: len(set(one.risks)) < len(one.risks)),
    Check("no_income", "收入全部为空", lambda one: not any(one.income.model_dump().values())),
    Check("no_safeguard", "教育、住房、饮水保障没有填全", lambda one: _has_gap(one.safeguards)),
    Check(
        "class_of_type",
        "脱贫户不能是边缘易致贫户, 一般农户不能是脱贫不稳定户",
        lambda one: (
            (one.household_type, one.monitor_class)
            in {
                (HouseholdType.LIFTED, MonitorClass.MARGINAL),
                (HouseholdType.GENERAL, MonitorClass.UNSTABLE),
            }
        ),
    ),
    Check(
        "no_identification",
        "监测帮扶中而识别时间为空",
        lambda one: one.state in HELPED and one.identified_on is None,
    ),
    Check(
        "nothing_after",
        "风险已消除而消除后的收入或保障为空",
        lambda one: (
            one.state is HouseholdState.REMOVED
            and (one.income_after is None or _has_gap(one.safeguards_after))
        ),
    ),
    Check(
        "removed_without_measure",
        "帮扶消除而没有已实施的措施",
        lambda one: (
            one.state is HouseholdState.REMOVED
            and one.removal_way is RemovalWay.HELP
            and not one.measures_done
        ),
    ),
)
WORDS = {check.code: check.words for check in CHECKS}


def list_faults(household: CheckedHousehold) -> list[str]:
    """The codes of the rules that a household breaks."""
    return [check.code for check in CHECKS if check.broken(household)]
