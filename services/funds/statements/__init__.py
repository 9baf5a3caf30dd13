"""对账: their statement against our payments, line by line, each difference explained by somebody."""
