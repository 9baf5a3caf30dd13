"""批量办理: one decision over many projects, a verdict for each."""
