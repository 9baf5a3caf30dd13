"""项目预警: what runs late or silent, by dated rules, each with an owner and a deadline."""
