"""Value book (价值账): adjustments by two people, straight-line depreciation (折旧), sources of money (资金来源) from the funds ledger."""
