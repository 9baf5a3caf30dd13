"""Monthly statistics of support work (帮办实事月统计) with export, and the yearly summary of a region (驻村汇总)."""
