"""单位: the committees, governments and bureaus people and projects belong to."""
