"""Access matrix (权限矩阵): every operation × every role × inside and outside the role's regions, generated from the apps."""
