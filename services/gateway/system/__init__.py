"""Operations and documents (运维与文档): readiness of all services, metrics, the merged OpenAPI document and its page."""
