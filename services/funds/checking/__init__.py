"""检查结果: what a dated rule says of a record, with its effect, figures and basis."""
