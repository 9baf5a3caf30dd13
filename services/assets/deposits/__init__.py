"""Deposits of operating contracts (保证金): received, returned, kept."""
