"""Handover: everything open that a person has in hand goes to another person, in one action, with its history."""
