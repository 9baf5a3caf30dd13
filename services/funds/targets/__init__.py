"""绩效: what the money is to achieve, and what it did."""
