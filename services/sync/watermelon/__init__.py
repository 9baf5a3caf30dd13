"""WatermelonDB: its pull and push over changes and batches, for apps that keep their rows in it."""
