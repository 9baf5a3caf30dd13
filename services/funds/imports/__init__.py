"""Imports of the funds service: statements, households, vouchers and applications, documents, allocation tables."""
