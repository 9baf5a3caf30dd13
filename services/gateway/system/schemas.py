"""Response body of `/readyz`."""

from pydantic import BaseModel, Field


class Readiness(BaseModel):
    """各服务是否就绪."""

    status: str = Field(description="ok, or down when any service is")
    services: dict[str, str] = Field(description="service → ok, or why not")
    missing: list[str] = Field(description="未就绪的服务")
