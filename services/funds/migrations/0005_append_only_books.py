"""The database refuses to change or remove entries and postings, and entries that do not add up to zero."""

from alembic import op

from shared.db.append_only import list_guard_statements, list_unguard_statements

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("ledger_entry", "ledger_posting")
CHECK_SQLITE = """
CREATE TRIGGER ledger_posting_within_entry AFTER INSERT ON ledger_posting
WHEN (SELECT sum(max(p.amount, 0)) > e.amount OR sum(max(-p.amount, 0)) > e.amount
    FROM ledger_posting AS p JOIN ledger_entry AS e ON e.id = p.entry_id WHERE p.entry_id = NEW.entry_id)
BEGIN SELECT RAISE(ABORT, 'ledger_posting: more than the amount of its entry'); END
"""
"""SQLite has no deferred triggers: no leg may exceed the entry's amount, so a whole entry takes no further line."""
FUNCTION_POSTGRES = """
CREATE FUNCTION require_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE entry uuid := CASE WHEN TG_TABLE_NAME = 'ledger_entry' THEN to_jsonb(NEW)->>'id' ELSE to_jsonb(NEW)->>'entry_id' END;
BEGIN
    IF (SELECT coalesce(sum(p.amount), 0) <> 0 OR coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) <> e.amount
        FROM ledger_entry AS e LEFT JOIN ledger_posting AS p ON p.entry_id = e.id WHERE e.id = entry GROUP BY e.amount)
    THEN RAISE EXCEPTION 'entry % does not add up to zero and its amount', entry USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Apply this revision."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        op.execute(CHECK_SQLITE)
    else:
        op.execute(FUNCTION_POSTGRES)
        for table in TABLES:
            op.execute(
                f"CREATE CONSTRAINT TRIGGER {table}_zero_sum AFTER INSERT ON {table} "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_zero_sum()"
            )
    for statement in list_guard_statements(dialect, TABLES):
        op.execute(statement)


def downgrade() -> None:
    """Undo this revision."""
    dialect = op.get_bind().dialect.name
    for statement in list_unguard_statements(dialect, TABLES):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute("DROP TRIGGER ledger_posting_within_entry")
        return
    for table in TABLES:
        op.execute(f"DROP TRIGGER {table}_zero_sum ON {table}")
    op.execute("DROP FUNCTION require_zero_sum()")
