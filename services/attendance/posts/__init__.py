"""驻村点: where somebody is stationed, its fences, and who is stationed there when."""
