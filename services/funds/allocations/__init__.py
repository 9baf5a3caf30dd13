"""Allocations (资金安排): money issued to a project from a fund document; read-only over HTTP, written by plans."""
