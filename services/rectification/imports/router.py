"""Routes of `/rectification/table-imports`."""

from services.rectification.imports.models import ItemImport, ItemImportMapping, ItemImportResult
from services.rectification.items.importer import ITEM_TABLE
from shared.imports.models import ImportConfig
from shared.imports.router import build_import_router, import_record_kind

IMPORTS = ImportConfig(
    path="/rectification/table-imports",
    label="整改台账导入",
    job=ItemImport,
    result=ItemImportResult,
    mapping=ItemImportMapping,
    kinds=(ITEM_TABLE,),
)
router = build_import_router(IMPORTS, "整改台账导入")
IMPORT_KIND = import_record_kind(IMPORTS, "rectification_import")
