"""绩效目标模板: which indicators a category of projects is usually measured by."""
