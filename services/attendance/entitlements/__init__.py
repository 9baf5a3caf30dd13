"""Entitlements of leave (年度假期天数) and balances (假期余额)."""
