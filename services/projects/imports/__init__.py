"""导入: a county's library table read in, row by row, in the background when it is long."""
