"""Who may call what, where: every address × every role × inside and outside their regions, made from the apps themselves."""
