"""Screening rule sets (筛查规则): draft, trial, activation and retirement, and background jobs that screen the whole library (全库筛查)."""
