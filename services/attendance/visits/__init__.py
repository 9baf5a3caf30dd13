"""Visits (走访) with follow-ups (待办), deeds (帮办实事) and trainings (练兵比武)."""
