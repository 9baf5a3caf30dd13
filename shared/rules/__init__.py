"""Policy rules as data: dated versions with their legal basis, a loader and routes."""

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
