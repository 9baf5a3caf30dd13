"""项目评价: a dated score sheet, the project's own evaluation, its review by another person, and the ranking of projects."""
