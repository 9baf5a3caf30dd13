"""Imports of ledgers of problems."""
