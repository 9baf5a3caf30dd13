"""Screening the whole library: to see what other rules would do, and to do it."""
