"""Demonstration run (演示, `make story`): creates real published records of a county through the REST API.

Follows 1,259 万元 of 2023 from the fund document through plan, projects and payments to registered assets.
"""
