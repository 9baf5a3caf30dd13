"""驻村: who is stationed where, who was there, and what they got done."""
