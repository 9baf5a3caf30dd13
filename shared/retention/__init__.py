"""Retention (保存期限): how to reach somebody is erased from a record when it has been closed for as long as the dated rule says.

Only the columns that hold it are emptied; the record stays. The change is an event with the names of the columns and none
of their content, and the log never held more than digests and masked forms: tables still follow from the log, and the log
still proves itself. `erase_columns` does the same at once, when a person asks for it.
"""
