"""Stock-taking (盘点): the expected list, findings from phones, progress and report."""
