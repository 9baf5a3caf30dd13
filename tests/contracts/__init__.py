"""What services promise to those who call them."""
