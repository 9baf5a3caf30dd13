"""Sessions (登录): OAuth2 token endpoint, refresh tokens, sign-out and change of own password."""
