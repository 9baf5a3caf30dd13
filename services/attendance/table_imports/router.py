"""Routes of `/attendance/table-imports`."""

from services.attendance.table_imports.importer import CHECK_IN_TABLE
from services.attendance.table_imports.models import ImportMapping, TableImport, TableImportResult
from shared.imports.models import ImportConfig
from shared.imports.router import build_import_router, import_record_kind

IMPORTS = ImportConfig(
    path="/attendance/table-imports",
    label="考勤表格导入",
    job=TableImport,
    result=TableImportResult,
    mapping=ImportMapping,
    kinds=(CHECK_IN_TABLE,),
)
router = build_import_router(IMPORTS, "考勤表格导入")
IMPORT_KIND = import_record_kind(IMPORTS, "attendance_import")
