"""Requests about the personal data of who is responsible for a project: copy, erasure, hold."""
