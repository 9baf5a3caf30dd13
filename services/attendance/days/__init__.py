"""Attendance days (在岗日): evaluation by dated rules, projection from the event log, recalculation (重新认定) after rule changes."""
