"""处置: asked for, appraised, decided by the owner, approved, noticed, its proceeds booked, and closed; never a delete."""
