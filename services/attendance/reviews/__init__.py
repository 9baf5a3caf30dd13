"""复核: odd evidence gathered per person and day, shown to a reviewer, decided with a reason."""
