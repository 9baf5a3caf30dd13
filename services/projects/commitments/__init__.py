"""Funding commitments (资金安排登记): amounts that finance registers on a project before an allocation is issued."""
