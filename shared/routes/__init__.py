"""Addresses that every service has: rules, files, health."""
