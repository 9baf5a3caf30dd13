"""Quantities of the works (工程量): units that add up, planned and done per project, their sums."""
