"""Personal data of clues, households, loans and jobs: sealed with the installation's keyring, each value bound to its record and field."""

from typing import Any
from uuid import UUID

from shared.auth import mask_name
from shared.unit_of_work import UnitOfWork


def seal(work: UnitOfWork, table: str, record_id: UUID, field: str, text: str) -> str:
    """The sealed form of a text, empty for an empty one."""
    if not text:
        return ""
    return work.context.keyring.encrypt(text, associated_data=f"{table}:{record_id}:{field}")


def unseal(work: UnitOfWork, record: Any, field: str) -> str:  # noqa: ANN401 - a record with `<field>_sealed`
    """The clear text of a record's sealed field. DecryptionFailed when the value belongs to another record."""
    token = getattr(record, f"{field}_sealed")
    if not token:
        return ""
    return work.context.keyring.decrypt(token, associated_data=f"{record.__tablename__}:{record.id}:{field}")


def mark_person(work: UnitOfWork, id_no: str) -> str:
    """The blind index of an id number, as other services reckon it: 18 characters tell the person, also in a 残疾人证 number."""
    return work.context.keyring.blind_index(id_no[:18], "id_card") if id_no else ""


def mark_visited(work: UnitOfWork, region: str, name: str) -> str:
    """The blind index under which attendance keeps visits to a household of this name in a village."""
    return work.context.keyring.blind_index(f"{region}{name}", "household")


def seal_person(work: UnitOfWork, table: str, record_id: UUID, name: str, id_no: str) -> dict[str, Any]:
    """The columns of a person: name and id number sealed, the name masked, the blind index."""
    return {
        "name_sealed": seal(work, table, record_id, "name", name),
        "name_masked": mask_name(name),
        "id_no_sealed": seal(work, table, record_id, "id_no", id_no),
        "id_mark": mark_person(work, id_no),
    }
