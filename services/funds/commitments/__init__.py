"""资金安排登记: what the project library was told about our plans."""
