"""月表与年表: summed from days in SQL, per person, team, village or town, frozen by a signature."""
