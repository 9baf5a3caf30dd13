"""Records of any table within the caller's regions, asked for in one way."""
