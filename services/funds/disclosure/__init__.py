"""公开: announcements made from the records, as a page, a Word file and a PDF that all say the same."""
