"""资金安排登记: what finance is about to give a project, so that it cannot leave behind finance's back."""
