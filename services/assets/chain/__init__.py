"""资金全链条中资产这一段: what a project's money became, and who has seen it since."""
