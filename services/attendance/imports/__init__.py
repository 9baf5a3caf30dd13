"""从钉钉、企业微信导入考勤: by file or by their interfaces, once per source id, raw beside what was made of it."""
