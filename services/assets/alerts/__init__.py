"""Risk alerts (风险预警): what the dated rules detect among assets, each with an owner, a deadline and an answer."""
