"""项目节点: what is to be reached by when, and when it was."""
