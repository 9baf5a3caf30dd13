"""Routes of `/funds/table-imports`: every table that the funds service takes."""

from services.funds.earmarks.importer import EARMARK_TABLE
from services.funds.imports.models import ImportMapping, TableImport, TableImportResult
from services.funds.payments.importer import BENEFICIARY_TABLE, PAYMENT_TABLE
from services.funds.plans.importer import PLAN_TABLE
from services.funds.sources.importer import SOURCE_TABLE
from services.funds.statements.importer import STATEMENT_TABLE
from shared.imports.models import ImportConfig
from shared.imports.router import build_import_router, import_record_kind

IMPORTS = ImportConfig(
    path="/funds/table-imports",
    label="资金表格导入",
    job=TableImport,
    result=TableImportResult,
    mapping=ImportMapping,
    kinds=(STATEMENT_TABLE, PAYMENT_TABLE, BENEFICIARY_TABLE, SOURCE_TABLE, PLAN_TABLE, EARMARK_TABLE),
)
router = build_import_router(IMPORTS, "表格导入")
IMPORT_KIND = import_record_kind(IMPORTS, "fund_import")
