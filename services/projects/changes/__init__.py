"""变更申请: what the library took in changes only by request, decision and a new notice."""
