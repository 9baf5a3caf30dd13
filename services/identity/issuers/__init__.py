"""Issuers (统一身份认证): the accounts that persons of an outside issuer are bound to, and the tokens that were used."""
