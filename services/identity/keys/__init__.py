"""签名密钥: what tokens are signed with."""
