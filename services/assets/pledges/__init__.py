"""Pledges of assets (抵押)."""
