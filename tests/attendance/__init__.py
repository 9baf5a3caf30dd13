"""Tests of the attendance service (驻村考勤)."""
