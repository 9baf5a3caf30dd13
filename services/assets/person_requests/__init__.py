"""Requests about the personal data of keepers, of who reported repairs and of who receives income: copy, erasure, hold."""
