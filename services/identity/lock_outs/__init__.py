"""Lock-outs (登录锁定): failed sign-ins are counted for a name from a source, so that nobody can lock out somebody else."""
