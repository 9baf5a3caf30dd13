"""导入资金分配表: a table as finance bureaus really keep it, in 万元, checked row by row and taken whole or not at all."""
