"""Attendance service (驻村考勤): postings, check-ins, evaluated days, leave, and support work of village teams."""
