"""Reminders before deadlines: once a day and district, to a group robot (DingTalk, WeCom) or another system's webhook.

A record is due soon when it is in a state that somebody must end (`turns` of its kind) and its `due` day is near; how
many days before is the dated rule `reminder.days`. The message is an event of the service's log, `reminder.due`, and goes
out by its webhooks, with their guard against private addresses, their retries and dead letters.
"""
