"""Rectification items (整改问题): one row is the problem, who answers for it, its deadlines and its tasks."""
