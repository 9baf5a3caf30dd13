"""资金全链条: from the fund document to the inspection, around any record."""
