"""Posts (驻村点) with geofences, assignments of persons (派驻), and their registered phones (常用手机)."""
