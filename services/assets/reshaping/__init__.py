"""拆分与合并: the old record is closed, the new ones carry its value on, to the 分."""
