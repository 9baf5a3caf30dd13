"""Uploads in pieces (tus 1.0)."""
