"""登录: tokens, refresh families, lock-out."""
