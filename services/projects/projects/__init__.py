"""Project records of the library (项目库): create and edit, lifecycle and transitions (one or many), packages (项目包), notice content."""
