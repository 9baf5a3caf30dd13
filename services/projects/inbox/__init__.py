"""Inbox (待办): projects that wait for the caller's action, counted and listed with their time limits."""
