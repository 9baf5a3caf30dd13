"""Which services receive which topic. Made by `make docs` from services/*/service.toml; edit those instead."""

# fmt: off
SUBSCRIBERS: dict[str, tuple[str, ...]] = {
    "account.erased": ("assets", "attendance", "funds", "households", "projects", "rectification", "workplan"),
    "account.handed_over": ("assets", "attendance", "funds", "projects"),
    "allocation.issued": ("assets", "projects"),
    "allocation.recalled": ("assets", "projects"),
    "asset.handed_over": ("projects",),
    "payment.paid": ("assets", "projects"),
    "payment.refunded": ("assets", "projects"),
    "personal_data.erased": ("files",),
    "project.accepted": ("assets",),
    "project.moved": ("assets", "funds"),
    "project.progressed": ("funds",),
}
# fmt: on
