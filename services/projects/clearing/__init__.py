"""Confirming and waiving what screening found."""
