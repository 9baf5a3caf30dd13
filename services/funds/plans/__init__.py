"""Distribution plans (分配方案): drafting, import of allocation tables (分配表), dated rules, approval, issue."""
