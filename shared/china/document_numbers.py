"""Numbers of documents and vouchers (文号, 凭证号) in one form for comparison; what is stored and shown stays as written."""

import re
import unicodedata

MAX_NUMBER_LENGTH = 100
_BRACKETS = str.maketrans("([{【〖〘﹝)]}】〗〙﹞", "〔〔〔〔〔〔〔〕〕〕〕〕〕〕")
_INVISIBLE = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff]")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_DOCUMENT_NO = re.compile(r"〔(?:19|20)\d\d〕第?\d{1,5}号|第\d{1,5}号|令\d{1,4}号")
_SEPARATORS = re.compile(r"[+,、;/&和及]")


def normalize_document_no(text: str) -> str:
    """The number in NFKC and upper case, with one form of brackets and dashes, without spaces.

    青财农字(2023) 505号 and 青财农字[2023]505号 are 青财农字〔2023〕505号.
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_BRACKETS)
    return _DASHES.sub("-", plain).upper()[:MAX_NUMBER_LENGTH]


def has_document_no(text: str) -> bool:
    """Whether a text names a document by its number: 凉财发〔2026〕12号, 国务院令第738号."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_BRACKETS)
    return _DOCUMENT_NO.search(plain) is not None


def split_document_nos(text: str) -> tuple[str, ...]:
    """The numbers that one cell names, each in the form for comparison: PZ-1+PZ-2 names two."""
    parts = (normalize_document_no(part) for part in _SEPARATORS.split(unicodedata.normalize("NFKC", text)))
    return tuple(dict.fromkeys(part for part in parts if part))
