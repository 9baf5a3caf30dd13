"""Project statistics (项目统计): running totals of counts and amounts per region, stage and category."""
