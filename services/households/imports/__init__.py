"""Imports of the national system's export of monitored households."""
