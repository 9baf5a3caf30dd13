"""Passkeys (通行密钥, W3C Web Authentication Level 3): a second factor beside the password that a browser holds."""
