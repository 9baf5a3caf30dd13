"""Announcements of a plan (公告): allocation, targets and completion as JSON, HTML, DOCX and PDF."""
