"""Tables of imports: jobs, the result of each row, remembered headings."""

from services.rectification.base import Base
from shared.imports.models import (
    ImportJobRow,
    ImportMappingRow,
    ImportResultRow,
    job_table_args,
    result_table_args,
)


class ItemImport(Base, ImportJobRow, table=True):
    """一次导入."""

    __tablename__ = "import_job"
    __table_args__ = job_table_args()


class ItemImportResult(Base, ImportResultRow, table=True):
    """导入表的一行."""

    __tablename__ = "import_row"
    __table_args__ = result_table_args("import_job")


class ItemImportMapping(Base, ImportMappingRow, table=True):
    """列的对应关系."""

    __tablename__ = "import_mapping"
