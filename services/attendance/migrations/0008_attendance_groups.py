"""Attendance groups, their members, and the assignments and days that come of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _record_columns() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_digest", sa.String(length=64), nullable=False),
    ]


def upgrade() -> None:
    """Add the tables and columns; nobody belongs to a group yet."""
    kind = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "attendance_group",
        *_record_columns(),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("posts", kind, nullable=False),
        sa.Column("terms", kind, nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_group")),
        sa.UniqueConstraint("region", "name", name=op.f("uq_attendance_group_region_name")),
    )
    op.create_index(op.f("ix_attendance_group_region_name_id"), "attendance_group", ["region", "name", "id"])
    op.create_table(
        "attendance_group_member",
        *_record_columns(),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("person_name", sa.String(length=50), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["attendance_group.id"], name=op.f("fk_attendance_group_member_group_id_attendance_group")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_group_member")),
    )
    for columns in (["group_id", "starts_on", "id"], ["person", "starts_on"], ["region", "starts_on", "id"]):
        name = f"ix_attendance_group_member_{'_'.join(columns)}"
        op.create_index(op.f(name), "attendance_group_member", columns)
    with op.batch_alter_table("assignment") as batch_op:
        batch_op.add_column(sa.Column("group_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_assignment_group_id_attendance_group"), "attendance_group", ["group_id"], ["id"]
        )
    with op.batch_alter_table("attendance_day") as batch_op:
        batch_op.add_column(sa.Column("group_id", sa.Uuid(), nullable=True))
        batch_op.create_index(op.f("ix_attendance_day_group_id_work_date"), ["group_id", "work_date"])


def downgrade() -> None:
    """Drop the tables and columns."""
    with op.batch_alter_table("attendance_day") as batch_op:
        batch_op.drop_index(op.f("ix_attendance_day_group_id_work_date"))
        batch_op.drop_column("group_id")
    with op.batch_alter_table("assignment") as batch_op:
        batch_op.drop_constraint(op.f("fk_assignment_group_id_attendance_group"), type_="foreignkey")
        batch_op.drop_column("group_id")
    op.drop_table("attendance_group_member")
    op.drop_table("attendance_group")
