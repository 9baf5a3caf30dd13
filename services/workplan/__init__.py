"""要点任务: the year's work plan as data: items with their units, targets with breakdown, actuals that open to their rows."""
