"""Duty shifts (值班): rota, confirmation, calendar, and swaps between two persons (换班)."""
