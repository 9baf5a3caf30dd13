"""What is measured, and the data it is measured on."""
