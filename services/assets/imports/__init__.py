"""Imports of ledgers as jobs."""
