"""机器客户端: outside systems that call us by themselves, such as the finance bureau's."""
