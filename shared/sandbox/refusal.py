"""Why a file is not read, in the words that the user sees."""


class FileRefused(Exception):
    """The file is not read: what is wrong, the same in English, what to do, and whether it is only too large."""

    def __init__(self, detail: str, detail_en: str, next_step: str = "", *, too_large: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.detail_en, self.next_step, self.too_large = detail, detail_en, next_step, too_large


def too_large_error() -> FileRefused:
    """The refusal of a file over the limits."""
    return FileRefused(
        "表格太大, 或含有远处的空白内容",
        "The spreadsheet is too large",
        "请删去多余的行列和工作表, 或分成几个文件上传",
        too_large=True,
    )


def too_many_rows_error(rows: int) -> FileRefused:
    """The refusal of a table with too many rows."""
    return FileRefused(f"一次最多导入 {rows} 行, 请分成几个文件", "Too many rows", too_large=True)
