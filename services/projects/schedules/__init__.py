"""Planned progress of a project by month (计划进度), and how far works and payments deviate from it."""
