"""Work plans (工作要点) of a year: the document and its items."""
