"""Measures of help (帮扶措施): one household, one plan."""
