"""Demonstration run (演示, `make story`): plays 1,259 万元 of published county funds through the REST API, from fund document to registered asset."""
