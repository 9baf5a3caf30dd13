"""报修: from anybody who scans the label, from inspections, from keepers; with cost and completion."""
