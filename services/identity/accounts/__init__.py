"""Accounts (账号): people and machine clients (机器客户端), their role grants, passwords and lock-out; /users and /clients."""
