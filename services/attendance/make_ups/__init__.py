"""补卡: a missed check-in asked for afterwards, with a witness, and approved by the town."""
