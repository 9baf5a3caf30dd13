"""Policy as data: dated rules with basis, their loader and their routes."""

from shared.rules.registry import (
    Rule,
    RuleCache,
    RuleEntry,
    ancestor_codes,
    list_rules_in_force,
    load_rule_files,
    read_rule_files,
)

__all__ = [
    "Rule",
    "RuleCache",
    "RuleEntry",
    "ancestor_codes",
    "list_rules_in_force",
    "load_rule_files",
    "read_rule_files",
]
