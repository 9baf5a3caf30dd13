"""Routes of `/assets/table-imports`."""

from services.assets.imports.importer import LEDGER_TABLE
from services.assets.imports.models import TableImport, TableImportResult
from services.assets.register.models import ImportMapping
from shared.imports.models import ImportConfig
from shared.imports.router import build_import_router, import_record_kind

IMPORTS = ImportConfig(
    path="/assets/table-imports",
    label="台账导入",
    job=TableImport,
    result=TableImportResult,
    mapping=ImportMapping,
    kinds=(LEDGER_TABLE,),
)
router = build_import_router(IMPORTS, "台账导入")
IMPORT_KIND = import_record_kind(IMPORTS, "asset_import")
