"""运维与文档: health of all services, figures, one OpenAPI document, a page to try it on."""
