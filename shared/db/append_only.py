"""Tables that only grow: triggers with which the database itself refuses to change or remove rows.

Called by migrations. Whoever owns the database can drop a trigger; what was changed then is found by the proofs
(docs/trust.md). The triggers stop mistakes and everybody who has no right to change the schema.
"""

from collections.abc import Iterator, Sequence

MESSAGE = "is append-only: rows are never changed or removed"


def list_guard_statements(dialect: str, tables: Sequence[str]) -> Iterator[str]:
    """Statements that make tables append-only on one kind of database."""
    function = f"refuse_change_of_{tables[0]}"
    if dialect != "sqlite":
        yield (
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '% {MESSAGE}', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
        )
    for table in tables:
        if dialect == "sqlite":
            refuse = f"BEGIN SELECT RAISE(ABORT, '{table} {MESSAGE}'); END"
            yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}"
            yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}"
        else:
            run = f"EXECUTE FUNCTION {function}()"
            yield f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {run}"
            yield f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {run}"


def list_unguard_statements(dialect: str, tables: Sequence[str]) -> Iterator[str]:
    """Statements that take the triggers away again."""
    if dialect != "sqlite":
        yield f"DROP FUNCTION refuse_change_of_{tables[0]}() CASCADE"
        return
    for table in tables:
        yield f"DROP TRIGGER {table}_no_update"
        yield f"DROP TRIGGER {table}_no_delete"
