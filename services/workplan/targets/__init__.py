"""Targets (任务指标) of a work plan: value, milestones, breakdown to towns, and what was reached."""
