"""工作队: teams, their members and terms, helping units, hand-over from person to person."""
