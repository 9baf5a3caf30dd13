"""Policy as data: rule keys with typed shapes, dated versions with their basis, the loader and the routes."""

from shared.rules.keys import (
    Code,
    Days,
    Label,
    Labels,
    Percent,
    PercentText,
    Rule,
    RuleKey,
    RuleRegistry,
    RuleValue,
    YuanText,
)
from shared.rules.registry import (
    FileEntry,
    RuleCache,
    RuleEntry,
    ancestor_codes,
    check_rule_files,
    insert_new_entries,
    load_rule_files,
    read_rule_files,
)

__all__ = [
    "Code",
    "Days",
    "FileEntry",
    "Label",
    "Labels",
    "Percent",
    "PercentText",
    "Rule",
    "RuleCache",
    "RuleEntry",
    "RuleKey",
    "RuleRegistry",
    "RuleValue",
    "YuanText",
    "ancestor_codes",
    "check_rule_files",
    "insert_new_entries",
    "load_rule_files",
    "read_rule_files",
]
