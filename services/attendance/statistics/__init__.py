"""帮办实事月统计: the monthly table, written from what was recorded; nobody is asked again."""
