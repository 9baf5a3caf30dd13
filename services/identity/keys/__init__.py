"""Signing keys (签名密钥): the ES256 keys that sign tokens, their rotation, and the published JWK set."""
