"""Requests about the personal data of people with accounts who have left: copy, erasure, hold."""
