"""Imports from DingTalk and WeCom (考勤导入): files, scheduled pulls by channel (考勤接口), and reads in DingTalk's format (钉钉格式)."""
