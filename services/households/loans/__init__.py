"""Small loans 小额信贷 of households that were lifted out of poverty or are monitored."""
