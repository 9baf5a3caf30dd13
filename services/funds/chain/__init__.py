"""资金全链条与汇总: the pieces around any record, and a region's year on one page."""
