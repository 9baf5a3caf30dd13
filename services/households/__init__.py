"""防返贫监测: clues, monitored households, what helps them, and the removal of their risk."""
