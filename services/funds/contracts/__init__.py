"""合同登记: who is to be paid how much for what, and how much is kept back until acceptance."""
