"""Imports of county tables as jobs: a service declares its kinds, the rows are read, tried, taken and told by one engine."""
