"""Project categories (项目类型): the dated tree of categories, and performance target templates per category (绩效目标模板)."""
