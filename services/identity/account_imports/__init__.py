"""Import of accounts from a table, and the slips with first passwords that are handed out."""
