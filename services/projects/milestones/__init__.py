"""Milestones of a project (项目节点): planned and reached dates."""
