"""公示: one piece for every service. What is public, for how long, where, what people object to and what is answered."""
