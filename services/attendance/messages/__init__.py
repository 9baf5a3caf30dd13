"""Personal messages (消息): decisions about a person, readable by that person only."""
