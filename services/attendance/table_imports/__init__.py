"""Imports of attendance tables as jobs."""
