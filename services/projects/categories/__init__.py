"""项目类型: the tree of categories as dated data, with what counts as industry unless a project says otherwise."""
