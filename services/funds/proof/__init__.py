"""What would be wrong with the books, looked for in the books themselves: always nothing."""
