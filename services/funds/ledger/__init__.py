"""Double-entry ledger (总账): chart of accounts, append-only entries, running balances, reports, integrity checks."""
