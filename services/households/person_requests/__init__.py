"""Requests about the personal data of clues, households, loans and jobs: copy, erasure, hold."""
