"""Editing the screening rules: draft, trial over the library, activation, history."""
