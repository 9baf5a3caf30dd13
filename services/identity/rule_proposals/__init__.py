"""Rule proposals (安全规则修改): one security administrator proposes a version of a rule, another confirms it."""
