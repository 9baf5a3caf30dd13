"""Validation and evaluation of screening rules."""

import json
from datetime import date
from typing import Any

import pytest

from services.projects.screening.engine import Engine
from services.projects.screening.lexicon import InvalidPattern
from services.projects.screening.rules import InvalidRules, RuleSet, expand_word_sets
from services.projects.screening.schemas import ScreeningSubject
from services.projects.screening.service import RULES_DIR, load_built_in_rules

LEXICON_WORDS = load_built_in_rules().words


def build_rule(**changes: Any) -> dict[str, Any]:
    return {
        "id": "test.thing",
        "family": "negative_list",
        "item": "测试条目",
        "basis": {"document": "测试办法", "number": "测〔2024〕1号", "article": "第三条"},
        "severity": "review",
        "finders": [{"objects": ["金砖"]}],
        "explanation": "写到{hit}",
        "advice": "删去",
        "effective_from": "2024-01-01",
        **changes,
    }


def build_engine(*rules: dict[str, Any], on: date = date(2024, 5, 20)) -> Engine:
    return Engine(RuleSet.parse(rules, LEXICON_WORDS).select_in_force(on))


def list_found_rules(engine: Engine, **fields: Any) -> list[str]:
    subject = ScreeningSubject.model_validate({"name": "购买金砖", **fields})
    return [finding.rule for finding in engine.screen_subject(subject).findings]


def test_a_rule_applies_from_its_first_to_its_last_day() -> None:
    dated = build_rule(effective_to="2024-12-31")
    assert list_found_rules(build_engine(dated, on=date(2023, 12, 31))) == []
    assert list_found_rules(build_engine(dated, on=date(2024, 1, 1))) == ["test.thing"]
    assert list_found_rules(build_engine(dated, on=date(2025, 1, 1))) == []


def test_a_disabled_rule_finds_nothing() -> None:
    assert list_found_rules(build_engine(build_rule(enabled=False))) == []


def test_scope_is_by_category_fund_and_year() -> None:
    engine = build_engine(
        build_rule(scope={"categories": ["1.3"], "fund_types": ["central"], "years_from": 2024})
    )
    fits = {"category": "1.3.1", "fund_type": "central", "year": 2024}
    assert list_found_rules(engine, **fits) == ["test.thing"]
    assert list_found_rules(engine, **{**fits, "category": "1.30"}) == []
    assert list_found_rules(engine, **{**fits, "fund_type": "county"}) == []
    assert list_found_rules(engine, **{**fits, "year": 2023}) == []
    assert list_found_rules(engine) == []


def test_conditions_on_the_amount_and_a_share_of_the_cost() -> None:
    dear = build_rule(conditions=[{"field": "amount", "test": "above", "limit": "10000"}])
    assert list_found_rules(build_engine(dear), amount="10000.00") == []
    assert list_found_rules(build_engine(dear), amount="10000.01") == ["test.thing"]
    assert list_found_rules(build_engine(dear)) == []
    part = build_rule(
        finders=[], conditions=[{"field": "share", "test": "above", "limit": "1", "words": ["管理费"]}]
    )
    items = [{"name": "项目管理费", "amount": "1.01"}, {"name": "圈舍", "amount": "98.99"}]
    assert list_found_rules(build_engine(part), cost_items=items) == ["test.thing"]
    assert list_found_rules(build_engine(part), cost_items=items, amount="101.00") == []


def test_the_version_is_a_digest_of_the_content() -> None:
    one, same, other = build_rule(), build_rule(), build_rule(advice="另一建议")
    assert RuleSet.parse([one], LEXICON_WORDS).version == RuleSet.parse([same], LEXICON_WORDS).version
    assert RuleSet.parse([one], LEXICON_WORDS).version != RuleSet.parse([other], LEXICON_WORDS).version
    assert (
        RuleSet.parse([one], LEXICON_WORDS).version
        != RuleSet.parse([one], LEXICON_WORDS | {"more": ("词",)}).version
    )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": "Bad Id"}, "/id"),
        ({"finders": [], "conditions": []}, ""),
        ({"effective_to": "2020-01-01"}, ""),
        ({"severity": "stop"}, "/severity"),
        ({"finders": [{"objects": ["{甲|乙}{@no_such}"]}]}, "/finders/0/objects/0"),
        ({"finders": [{"objects": ["{甲"]}]}, "/finders/0/objects/0"),
        (
            {"finders": [{"objects": ["甲"], "needs": [{"words": ["@none"], "where": "clause"}]}]},
            "/finders/0/needs/0/words/0",
        ),
        ({"conditions": [{"field": "amount", "test": "above"}]}, "/conditions/0"),
        ({"colour": "red"}, "/colour"),
        (
            {
                "severity": "block",
                "finders": [{"objects": ["甲"], "unless": [{"words": ["乙"], "where": "anywhere"}]}],
            },
            "",
        ),
    ],
)
def test_errors_of_a_rule_have_a_pointer(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRules) as caught:
        RuleSet.parse(
            [
                build_rule(),
                build_rule(id="test.other", **change) if "id" not in change else build_rule(**change),
            ],
            LEXICON_WORDS,
        )
    (fault,) = caught.value.faults
    assert (fault.index, fault.pointer) == (1, pointer)
    assert fault.message


def test_the_same_rule_twice_on_one_day_is_refused() -> None:
    with pytest.raises(InvalidRules):
        RuleSet.parse([build_rule(), build_rule()], LEXICON_WORDS)


def test_every_built_in_rule_finds_its_first_object() -> None:
    """The first object of each finder is not hidden by a harmless word set."""
    innocent = set(LEXICON_WORDS["innocent"])
    for file in RULES_DIR.glob("*.json"):
        rows = json.loads(file.read_text("utf-8"))
        for row in rows if isinstance(rows, list) else []:
            for finder in row.get("finders", ()):
                assert not set(finder["objects"]) <= innocent, row["id"]


def test_word_sets_may_refer_to_each_other_without_cycles() -> None:
    assert expand_word_sets({"a": ["{@b}车"], "b": ["公", "轿"]})["a"] == ("公车", "轿车")
    with pytest.raises(InvalidPattern):
        expand_word_sets({"a": ["@b"], "b": ["@a"]})
