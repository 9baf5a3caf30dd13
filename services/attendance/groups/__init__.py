"""考勤组: named groups of persons with posts of their own and dated terms of attendance."""
