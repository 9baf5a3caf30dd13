"""考勤接口: the district's keys to DingTalk or WeCom, sealed, and the daily pull that runs with them in the background."""
