"""The tables that each service has in its own database: event log, inbox, stored answers, notices, rules, files."""

import sqlalchemy as sa
from sqlmodel import SQLModel, UTCDateTime

from shared.db.engine import JSON, NAMING_CONVENTION, BigSerial
from shared.db.row_changes import PROOFS, ProvedTables

SHARED_METADATA = sa.MetaData(naming_convention=NAMING_CONVENTION)
UNPROVED_SHARED_TABLES = {
    "event_log": "is what proves; its own rows are sealed",
    "log_seal": "is what proves",
    "log_tile": "follows from the seals",
    "log_cosignature": "signed by others",
    "fsck_run": "results of checks",
    "log_epoch": "tells of transport, not of business",
    "log_cursor": "tells of transport, not of business",
    "dead_letter": "tells of transport, not of business",
    "inbox": "tells of transport, not of business",
    "inbox_position": "tells of transport, not of business",
    "file_holder": "follows from the records that name files",
    "answer": "repeats answers for 30 days",
    "webhook": "its changes are events; failures and pauses of deliveries are written beside them",
}
SHARED_METADATA.info[PROOFS] = ProvedTables(unproved=UNPROVED_SHARED_TABLES)

event_log = sa.Table(
    "event_log",
    SHARED_METADATA,
    sa.Column("seq", BigSerial, primary_key=True, autoincrement=True),
    sa.Column("tx", sa.BigInteger, nullable=False, comment="PostgreSQL transaction id; 0 on SQLite"),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("type", sa.String(80), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("subject_version", sa.Integer, nullable=False),
    sa.Column("region", sa.String(12), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("on_behalf_of", sa.String(64), nullable=False, default=""),
    sa.Column("device", sa.String(64), nullable=False, default=""),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("recorded_at", UTCDateTime, nullable=False),
    sa.Column("ingested_at", UTCDateTime, nullable=False),
    sa.Column("before", JSON, nullable=False),
    sa.Column("after", JSON, nullable=False),
    sa.Column("person", sa.String(64), nullable=False, default="", server_default=""),
    sa.Column(
        "records",
        JSON,
        nullable=False,
        default=dict,
        server_default="{}",
        comment="table → key → digest of the row as the transaction left it; shared/db/row_changes.py",
    ),
    sa.Index(None, "tx", "seq"),
    sa.Index(None, "subject", "seq"),
)

log_epoch = sa.Table(
    "log_epoch",
    SHARED_METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.String(16), nullable=False, unique=True, comment="random; first part of a cursor"),
    sa.Column("tx_offset", sa.BigInteger, nullable=False, comment="event_log.tx = this + transaction id"),
    sa.Column(
        "after_tx", sa.BigInteger, nullable=False, comment="positions up to here are of earlier epochs"
    ),
    sa.Column("after_seq", sa.BigInteger, nullable=False),
    sa.Column(
        "server", sa.String(64), nullable=False, comment="PostgreSQL system identifier and database oid"
    ),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("began_at", UTCDateTime, nullable=False),
)

log_cursor = sa.Table(
    "log_cursor",
    SHARED_METADATA,
    sa.Column("subscriber", sa.String(80), primary_key=True),
    sa.Column("tx", sa.BigInteger, nullable=False, default=0),
    sa.Column("seq", sa.BigInteger, nullable=False, default=0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0, comment="fences a lease that ran out"),
    sa.Column(
        "failures",
        sa.Integer,
        nullable=False,
        default=0,
        comment="in a row, of any kind: how long to back off",
    ),
    sa.Column(
        "refusals",
        sa.Integer,
        nullable=False,
        default=0,
        comment="in a row, of the next event: when to park it",
    ),
    sa.Column("due_at", UTCDateTime, nullable=False, comment="end of the lease or of the back-off"),
    sa.Column("last_error", sa.Text, nullable=False, default=""),
)

dead_letter = sa.Table(
    "dead_letter",
    SHARED_METADATA,
    sa.Column("subscriber", sa.String(80), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column(
        "error", sa.Text, nullable=False, comment="empty: parked behind an earlier event of its subject"
    ),
    sa.Column("parked_at", UTCDateTime, nullable=False),
    sa.Column(
        "retry", sa.Boolean, nullable=False, default=False, comment="an operator asked to deliver it again"
    ),
    sa.Index(None, "subscriber", "subject", "seq"),
)

webhook = sa.Table(
    "webhook",
    SHARED_METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("region", sa.String(12), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("types", JSON, nullable=False, comment="topics; empty means all"),
    sa.Column(
        "form",
        sa.String(20),
        nullable=False,
        default="cloudevent",
        server_default="cloudevent",
        comment="of the body: cloudevent, or of a reminder: dingtalk, wecom, webhook",
    ),
    sa.Column("spans", JSON, nullable=False, comment="first and last region code of what its maker may read"),
    sa.Column("secret", sa.Text, nullable=False, comment="sealed signing secret"),
    sa.Column("old_secret", sa.Text, nullable=False, default="", comment="signs too until `old_until`"),
    sa.Column("old_until", UTCDateTime),
    sa.Column("secret_read_at", UTCDateTime, comment="when the present secret was read, once"),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    sa.Column("stopped_reason", sa.Text, nullable=False, default=""),
    sa.Column("failing_since", UTCDateTime, comment="first failure after the last success"),
    sa.Column(
        "asked_again_at", UTCDateTime, comment="when parked events were last tried again by themselves"
    ),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("created_by", sa.String(64), nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
    sa.Index(None, "region", "id"),
)

inbox = sa.Table(
    "inbox",
    SHARED_METADATA,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("service", sa.String(40), nullable=False),
    sa.Column("type", sa.String(80), nullable=False),
    sa.Column("received_at", UTCDateTime, nullable=False),
)

inbox_position = sa.Table(
    "inbox_position",
    SHARED_METADATA,
    sa.Column("service", sa.String(40), primary_key=True),
    sa.Column("epoch", sa.String(16), nullable=False),
    sa.Column("tx", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("received_at", UTCDateTime, nullable=False),
)

log_seal = sa.Table(
    "log_seal",
    SHARED_METADATA,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False, unique=True),
    sa.Column("tx", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, comment="SM3 over the row and the digest before it"),
)

log_tile = sa.Table(
    "log_tile",
    SHARED_METADATA,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False, comment="up to 256 hashes of 32 bytes"),
)

log_cosignature = sa.Table(
    "log_cosignature",
    SHARED_METADATA,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("witness", sa.String(200), primary_key=True),
    sa.Column("line", sa.Text, nullable=False, comment="signature line of C2SP tlog-cosignature"),
    sa.Column("received_at", UTCDateTime, nullable=False),
)

fsck_run = sa.Table(
    "fsck_run",
    SHARED_METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("started_by", sa.String(64), nullable=False),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("heard_at", UTCDateTime, nullable=False, comment="last sign of life"),
    sa.Column("rows", sa.BigInteger, nullable=False, default=0),
    sa.Column("failure", sa.Text, nullable=False, default=""),
    sa.Column("report", JSON, comment="empty while it runs"),
    sa.Index(None, "started_at"),
)

answer = sa.Table(
    "answer",
    SHARED_METADATA,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("route", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("headers", JSON, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False, index=True),
)

notice = sa.Table(
    "notice",
    SHARED_METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subject_kind", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("region", sa.String(12), nullable=False),
    sa.Column("level", sa.String(40), nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("content", JSON, nullable=False, comment="what the public reads; masked before it gets here"),
    sa.Column("places", JSON, nullable=False),
    sa.Column("hotline", sa.String(100), nullable=False, default=""),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date, nullable=False),
    sa.Column("photo", sa.String(64), nullable=False, default=""),
    sa.Column("withdrawn_at", UTCDateTime),
    sa.Column("withdrawn_reason", sa.Text, nullable=False, default=""),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("posted_by", sa.String(64), nullable=False),
    sa.Column("posted_at", UTCDateTime, nullable=False),
    sa.Column("rule_version", sa.String(80), nullable=False, default=""),
    sa.Index(None, "subject_kind", "subject"),
    sa.Index(None, "region", "starts_on", "id"),
)

objection = sa.Table(
    "objection",
    SHARED_METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("notice_id", sa.Uuid, sa.ForeignKey("notice.id"), nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("channel", sa.String(40), nullable=False),
    sa.Column("raised_by", sa.String(64), nullable=False),
    sa.Column("raised_at", UTCDateTime, nullable=False),
    sa.Column("answer", sa.Text, nullable=False, default=""),
    sa.Column("upheld", sa.Boolean),
    sa.Column("answered_by", sa.String(64), nullable=False, default=""),
    sa.Column("answered_at", UTCDateTime),
)

rule = sa.Table(
    "rule",
    SHARED_METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("key", sa.String(80), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("region", sa.String(12), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("value", JSON, nullable=False),
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("effective_to", sa.Date),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("confirmed", sa.Boolean, nullable=False),
    sa.Column(
        "origin", sa.String(80), nullable=False, comment="digest of the file entry, or empty for an edit"
    ),
    sa.Column("created_by", sa.String(64), nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("waiting", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("seconded_by", sa.String(64), nullable=False, default="", server_default=""),
    sa.UniqueConstraint("key", "version"),
)

file = sa.Table(
    "file",
    SHARED_METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("region", sa.String(12), nullable=False),
    sa.Column("uploaded_by", sa.String(64), nullable=False),
    sa.Column("uploaded_at", UTCDateTime, nullable=False),
    sa.Column("evidence", JSON, nullable=False, comment="time and place the photo itself claims"),
    sa.Index(None, "region", "id"),
)

file_holder = sa.Table(
    "file_holder",
    SHARED_METADATA,
    sa.Column("file_id", sa.Uuid, primary_key=True),
    sa.Column("holder", sa.String(40), primary_key=True, comment="table of the record that names the file"),
    sa.Column("record_id", sa.String(64), primary_key=True),
)


def copy_shared_tables_into(base: type[SQLModel]) -> None:
    """Copy the shared tables into a service's metadata; the schema check at start compares both kinds together."""
    for table in SHARED_METADATA.sorted_tables:
        table.to_metadata(base.metadata)
