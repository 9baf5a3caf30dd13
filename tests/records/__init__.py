"""Tests of record kinds: worklist, description, forms."""
