"""Regions (区划): tree of 12-digit region codes, its list and its CSV import."""
