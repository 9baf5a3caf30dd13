"""Requests about the personal data of visited households and of who complained: copy, erasure, hold."""
