"""投诉: an entry that is always open, without login; and what this district switched on, for everybody to read."""
