"""Spot checks (抽查): reproducible random draw, answer by location, decision by a person."""
