"""风险预警: what the dated rules find, each with an owner, a deadline and an answer."""
