"""资金: sources, plans, ledger, payments, alerts and disclosure."""
