"""公出报备: reported to the town before leaving, known to it, and ended by coming back."""
