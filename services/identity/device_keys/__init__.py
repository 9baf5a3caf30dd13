"""Device keys (设备密钥): a phone's public key, registered at its person's sign-in, proves that they recorded an item."""
