"""Requests about the personal data of who is responsible for a rectification: copy, erasure, hold."""
