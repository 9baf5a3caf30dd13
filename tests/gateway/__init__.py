"""Tests of the gateway, the processes and the deployment files (网关与部署)."""
