"""Tests of screening texts against the negative list and for duplicates (负面清单与查重)."""
