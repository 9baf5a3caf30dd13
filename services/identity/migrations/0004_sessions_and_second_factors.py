"""Sessions, second factors, lock-outs by source, bindings to outside issuers, former passwords."""

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table('session',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('method', sa.String(length=200), nullable=False),
    sa.Column('source', sa.String(length=64), nullable=False),
    sa.Column('agent', sa.String(length=200), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.String(length=20), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_session'))
    )
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_session_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_session_changed_at'), ['changed_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_session_expires_at'), ['expires_at'], unique=False)

    op.create_table('sign_in_count',
    sa.Column('name_hash', sa.String(length=32), nullable=False),
    sa.Column('source', sa.String(length=64), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_success_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name_hash', 'source', name=op.f('pk_sign_in_count'))
    )
    with op.batch_alter_table('sign_in_count', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sign_in_count_updated_at'), ['updated_at'], unique=False)

    op.create_table('used_id_token',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_used_id_token'))
    )
    with op.batch_alter_table('used_id_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_used_id_token_expires_at'), ['expires_at'], unique=False)

    op.create_table('former_password',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('replaced_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_former_password_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_former_password'))
    )
    with op.batch_alter_table('former_password', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_former_password_account_id'), ['account_id'], unique=False)

    op.create_table('issuer_binding',
    sa.Column('issuer', sa.String(length=200), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_issuer_binding_account_id')),
    sa.PrimaryKeyConstraint('issuer', 'subject', name=op.f('pk_issuer_binding'))
    )
    with op.batch_alter_table('issuer_binding', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_issuer_binding_account_id'), ['account_id'], unique=False)

    op.create_table('recovery_code',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_recovery_code_account_id')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_recovery_code'))
    )
    with op.batch_alter_table('recovery_code', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_recovery_code_account_id'), ['account_id'], unique=False)

    op.create_table('second_factor',
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_step', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_second_factor_account_id')),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_second_factor'))
    )
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_column('locked_until')
        batch_op.drop_column('failures')
    op.execute("UPDATE account SET password_changed_at = updated_at")

    with op.batch_alter_table('refresh_token', schema=None) as batch_op:
        batch_op.add_column(sa.Column('superseded', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('refresh_token', schema=None) as batch_op:
        batch_op.alter_column('superseded', server_default=None)



def downgrade() -> None:
    """Undo this revision."""
    with op.batch_alter_table('refresh_token', schema=None) as batch_op:
        batch_op.drop_column('superseded')

    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('failures', sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_column('password_changed_at')
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.alter_column('failures', server_default=None)

    op.drop_table('second_factor')
    with op.batch_alter_table('recovery_code', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_recovery_code_account_id'))

    op.drop_table('recovery_code')
    with op.batch_alter_table('issuer_binding', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_issuer_binding_account_id'))

    op.drop_table('issuer_binding')
    with op.batch_alter_table('former_password', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_former_password_account_id'))

    op.drop_table('former_password')
    with op.batch_alter_table('used_id_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_used_id_token_expires_at'))

    op.drop_table('used_id_token')
    with op.batch_alter_table('sign_in_count', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sign_in_count_updated_at'))

    op.drop_table('sign_in_count')
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_session_expires_at'))
        batch_op.drop_index(batch_op.f('ix_session_changed_at'))
        batch_op.drop_index(batch_op.f('ix_session_account_id'))

    op.drop_table('session')
