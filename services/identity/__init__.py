"""账号与区划: who is who, what they may do where, and the tree of regions."""
