"""Routes of `/households/table-imports`."""

from services.households.imports.importer import HOUSEHOLD_TABLE
from services.households.imports.models import (
    HouseholdImport,
    HouseholdImportMapping,
    HouseholdImportResult,
)
from services.households.loans.importer import LOAN_TABLE
from shared.imports.models import ImportConfig
from shared.imports.router import build_import_router, import_record_kind

IMPORTS = ImportConfig(
    path="/households/table-imports",
    label="监测信息导入",
    job=HouseholdImport,
    result=HouseholdImportResult,
    mapping=HouseholdImportMapping,
    kinds=(HOUSEHOLD_TABLE, LOAN_TABLE),
)
router = build_import_router(IMPORTS, "监测信息导入")
IMPORT_KIND = import_record_kind(IMPORTS, "household_import")
