"""Tests of the identity service (统一身份认证)."""
