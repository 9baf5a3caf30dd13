"""Contract register (合同登记): party, amount, retention and audited settlement."""
