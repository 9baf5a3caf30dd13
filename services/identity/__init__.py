"""Identity service (账号与区划): accounts, role grants, organisations, regions, tokens and signing keys."""
