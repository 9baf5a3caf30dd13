"""Alerts of the work plan (任务预警): targets behind their milestone, and actuals that nobody reported."""
