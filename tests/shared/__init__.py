"""Tests of the shared libraries (公共库)."""
