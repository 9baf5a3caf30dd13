"""Keys of the dated rules that the rectification service reads."""

from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.records.table_imports import declare_heads

ITEM_HEADS = declare_heads("items")
RULES = (ITEM_HEADS, PERSON_REQUEST_DAYS)
