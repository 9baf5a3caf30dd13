"""项目库: the record of a project, its life, and who may take it where."""
