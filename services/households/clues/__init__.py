"""Clues (线索): what a household, a cadre, a department or a letter reports, to be verified at home."""
