"""Routes of `/attendance/table-imports`."""

from services.attendance.groups.importer import GROUP_TABLE
from services.attendance.months.importer import MONTH_SIGN_TABLE
from services.attendance.table_imports.importer import CHECK_IN_TABLE
from services.attendance.table_imports.models import ImportMapping, TableImport, TableImportResult
from services.attendance.visits.importer import DEED_TABLE
from shared.imports.models import ImportConfig
from shared.imports.router import build_import_router, import_record_kind

IMPORTS = ImportConfig(
    path="/attendance/table-imports",
    label="考勤表格导入",
    job=TableImport,
    result=TableImportResult,
    mapping=ImportMapping,
    kinds=(CHECK_IN_TABLE, MONTH_SIGN_TABLE, DEED_TABLE, GROUP_TABLE),
)
router = build_import_router(IMPORTS, "考勤表格导入")
IMPORT_KIND = import_record_kind(IMPORTS, "attendance_import")
