"""Project evaluations (项目评价): dated score sheet, self-evaluation, review by a second person, ranking and export."""
