"""Columns of the ledger of assets (资产台账) as counties write it."""
