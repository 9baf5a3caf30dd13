"""Fuzz tests of the OpenAPI documents (接口模糊测试): every input gets a documented answer."""
