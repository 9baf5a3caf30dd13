"""Requests about personal data (个人信息请求): 查阅复制, 删除 and 保全 of what a service holds about a named person.

For people without an account, too. A service declares which columns hold personal values of whom (`PersonalRows`); the library
finds the rows by the blind index of the id number or by sealed name and phone, shows them to the officer, and empties them once a
second person has confirmed, unless a duty to keep them or a hold stands against it. 《个人信息保护法》第四十五条、第四十七条、第五十条.
The log tells names of columns and counts, never a value: it goes on proving the tables.
"""
