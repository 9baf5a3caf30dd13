"""Threads (资金全链条): records from the fund document to the inspection, found from any one of them."""
