"""项目预警的反馈: what the warnings see becomes an alert with an owner, a deadline, an answer and a history."""
