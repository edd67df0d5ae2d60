"""the first tables.

Revision ID: 20261122_0900
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_0900"
down_revision = None
branch_labels = None
depends_on = None


EXTENSIONS = ("btree_gist", "pg_trgm", "unaccent")

# A row of history is never changed and never removed; tests that clean up do so with replication triggers off.
APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE ON history
FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

# I1: at commit, a property is rented or sold exactly when it has one live contract.
STATUS_MATCHES_CONTRACT = """
CREATE FUNCTION check_property_contract(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE taken boolean; live bigint;
BEGIN
  SELECT status IN ('rented', 'sold') INTO taken FROM properties WHERE id = checked;
  SELECT count(*) INTO live FROM contracts WHERE property_id = checked AND status IN ('active', 'completed');
  IF taken IS NOT NULL AND taken <> (live = 1) THEN
    RAISE EXCEPTION 'property % is % with % live contracts', checked, CASE WHEN taken THEN 'taken' ELSE 'available' END, live
      USING ERRCODE = 'check_violation', CONSTRAINT = 'property_status_matches_contract';
  END IF;
END $$;
CREATE FUNCTION check_contracts_property() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM check_property_contract(NEW.property_id); RETURN NULL; END $$;
CREATE FUNCTION check_property_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM check_property_contract(NEW.id); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER contracts_match_property AFTER INSERT OR UPDATE OF status ON contracts
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_contracts_property();
CREATE CONSTRAINT TRIGGER new_properties_match_contract AFTER INSERT ON properties
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status <> 'available') EXECUTE FUNCTION check_property_status();
CREATE CONSTRAINT TRIGGER properties_match_contract AFTER UPDATE OF status ON properties
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION check_property_status();
"""


def upgrade() -> None:
    for extension in EXTENSIONS:
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.create_table(
        "ab_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("label", sa.String(length=150), nullable=True),
        sa.Column("description", sa.String(length=512), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "ab_permission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "ab_register_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_name", sa.String(length=64), nullable=False),
        sa.Column("last_name", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("registration_date", sa.DateTime(), nullable=True),
        sa.Column("registration_hash", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sa.UniqueConstraint("username"),
    )
    op.create_table(
        "ab_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "ab_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_name", sa.String(length=64), nullable=False),
        sa.Column("last_name", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("last_login", sa.DateTime(), nullable=True),
        sa.Column("login_count", sa.Integer(), nullable=True),
        sa.Column("fail_login_count", sa.Integer(), nullable=True),
        sa.Column("created_on", sa.DateTime(), nullable=True),
        sa.Column("changed_on", sa.DateTime(), nullable=True),
        sa.Column("created_by_fk", sa.Integer(), nullable=True),
        sa.Column("changed_by_fk", sa.Integer(), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_version", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by_fk"],
            ["ab_user.id"],
        ),
        sa.ForeignKeyConstraint(
            ["created_by_fk"],
            ["ab_user.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sa.UniqueConstraint("username"),
    )
    op.create_index("uq_ab_user_lower_email", "ab_user", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("uq_ab_user_lower_username", "ab_user", [sa.literal_column("lower(username)")], unique=True)
    op.create_index(
        "uq_ab_user_phone", "ab_user", ["phone"], unique=True, postgresql_where=sa.text("phone IS NOT NULL")
    )
    op.create_table(
        "ab_view_menu",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(length=320), nullable=False),
        sa.Column("route", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "job_runs",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("job", sa.String(length=60), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tally", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
    )
    op.create_index("ix_job_runs_job_started_at", "job_runs", ["job", "started_at"], unique=False)
    op.create_table(
        "ab_api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("key_hash", sa.String(length=256), nullable=False),
        sa.Column("lookup_hash", sa.String(length=256), nullable=True),
        sa.Column("key_prefix", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_on", sa.DateTime(), nullable=True),
        sa.Column("expires_on", sa.DateTime(), nullable=True),
        sa.Column("revoked_on", sa.DateTime(), nullable=True),
        sa.Column("last_used_on", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("lookup_hash"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("idx_api_key_lookup_hash", "ab_api_key", ["lookup_hash"], unique=True)
    op.create_index("idx_api_key_prefix", "ab_api_key", ["key_prefix"], unique=False)
    op.create_index("idx_api_key_user_id", "ab_api_key", ["user_id"], unique=False)
    op.create_table(
        "ab_group_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["ab_group.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["ab_role.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("group_id", "role_id"),
    )
    op.create_index("idx_group_id", "ab_group_role", ["group_id"], unique=False)
    op.create_index("idx_group_role_id", "ab_group_role", ["role_id"], unique=False)
    op.create_table(
        "ab_permission_view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("view_menu_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"],
            ["ab_permission.id"],
        ),
        sa.ForeignKeyConstraint(
            ["view_menu_id"],
            ["ab_view_menu.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("permission_id", "view_menu_id"),
    )
    op.create_index("idx_permission_id", "ab_permission_view", ["permission_id"], unique=False)
    op.create_index("idx_view_menu_id", "ab_permission_view", ["view_menu_id"], unique=False)
    op.create_table(
        "ab_user_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["ab_group.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "group_id"),
    )
    op.create_index("idx_user_group_id", "ab_user_group", ["group_id"], unique=False)
    op.create_index("idx_user_id", "ab_user_group", ["user_id"], unique=False)
    op.create_table(
        "ab_user_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["role_id"], ["ab_role.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "role_id"),
    )
    op.create_table(
        "availability_exceptions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=True),
        sa.Column("end_time", sa.Time(), nullable=True),
        sa.CheckConstraint(
            "(start_time IS NULL) = (end_time IS NULL)", name=op.f("ck_availability_exceptions_both_times")
        ),
        sa.CheckConstraint(
            "NOT is_available OR start_time IS NOT NULL", name=op.f("ck_availability_exceptions_available_has_times")
        ),
        sa.CheckConstraint("end_time > start_time", name=op.f("ck_availability_exceptions_period")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_availability_exceptions_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_exceptions")),
    )
    op.create_index(
        "ix_availability_exceptions_agent_id", "availability_exceptions", ["agent_id", "date"], unique=False
    )
    op.create_table(
        "availability_hours",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=False),
        sa.Column("end_time", sa.Time(), nullable=False),
        sa.CheckConstraint("end_time > start_time", name=op.f("ck_availability_hours_period")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_availability_hours_weekday")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_availability_hours_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_hours")),
    )
    op.create_index("ix_availability_hours_agent_id", "availability_hours", ["agent_id", "weekday"], unique=False)
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("bank_code", sa.String(length=3), nullable=False),
        sa.Column("account_name", sa.String(length=120), nullable=False),
        sa.Column("account_number", sa.String(length=10), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("account_number ~ '^[0-9]{10}$'", name=op.f("ck_bank_accounts_account_number")),
        sa.CheckConstraint("bank_code ~ '^[0-9]{3}$'", name=op.f("ck_bank_accounts_bank_code")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_bank_accounts_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_accounts")),
    )
    op.create_index(
        "uq_bank_accounts_default",
        "bank_accounts",
        ["agent_id"],
        unique=True,
        postgresql_where=sa.text("is_default AND removed_at IS NULL"),
    )
    op.create_index(
        "uq_bank_accounts_number",
        "bank_accounts",
        ["agent_id", "bank_code", "account_number"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "chat_blocks",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("blocker_id", sa.Integer(), nullable=False),
        sa.Column("blocked_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["blocked_id"], ["ab_user.id"], name=op.f("fk_chat_blocks_blocked_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["blocker_id"], ["ab_user.id"], name=op.f("fk_chat_blocks_blocker_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_blocks")),
    )
    op.create_index("uq_chat_blocks_pair", "chat_blocks", ["blocker_id", "blocked_id"], unique=True)
    op.create_table(
        "conversations",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("low_id", sa.Integer(), nullable=False),
        sa.Column("high_id", sa.Integer(), nullable=False),
        sa.Column("last_message_id", sa.Integer(), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("low_unread", sa.Integer(), server_default="0", nullable=False),
        sa.Column("high_unread", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_conversations_order")),
        sa.ForeignKeyConstraint(
            ["high_id"], ["ab_user.id"], name=op.f("fk_conversations_high_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["low_id"], ["ab_user.id"], name=op.f("fk_conversations_low_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_high", "conversations", ["high_id", "last_at"], unique=False)
    op.create_index("ix_conversations_low", "conversations", ["low_id", "last_at"], unique=False)
    op.create_index("uq_conversations_pair", "conversations", ["low_id", "high_id"], unique=True)
    op.create_table(
        "files",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("content_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["ab_user.id"], name=op.f("fk_files_owner_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("key", name=op.f("uq_files_key")),
    )
    op.create_index("ix_files_owner_id", "files", ["owner_id"], unique=False)
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("move", sa.String(length=40), nullable=False),
        sa.Column("from_state", sa.String(length=20), nullable=True),
        sa.Column("to_state", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_role", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["ab_user.id"], name=op.f("fk_history_actor_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index("ix_history_subject", "history", ["subject_type", "subject_id", "id"], unique=False)
    op.create_table(
        "notification_preferences",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.CheckConstraint("channel IN ('app', 'mail')", name=op.f("ck_notification_preferences_channel")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_notification_preferences_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_preferences")),
    )
    op.create_index(
        "uq_notification_preferences_kind", "notification_preferences", ["user_id", "kind", "channel"], unique=True
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=True),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_notifications_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("key", name=op.f("uq_notifications_key")),
    )
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index("ix_notifications_user_id", "notifications", ["user_id", "id"], unique=False)
    op.create_table(
        "one_time_codes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('verify_email', 'reset_password')", name=op.f("ck_one_time_codes_purpose")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_one_time_codes_tries")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_one_time_codes_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_codes")),
    )
    op.create_index("ix_one_time_codes_user_id_created_at", "one_time_codes", ["user_id", "created_at"], unique=False)
    op.create_index(
        "uq_one_time_codes_live",
        "one_time_codes",
        ["user_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(length=60), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_outbox_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND dead_at IS NULL"),
    )
    op.create_index("ix_outbox_user_id", "outbox", ["user_id"], unique=False)
    op.create_table(
        "profiles",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("time_zone", sa.String(length=40), server_default="Africa/Lagos", nullable=False),
        sa.Column("picture_key", sa.String(length=120), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("budget", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("budget_currency", sa.String(length=3), nullable=True),
        sa.Column("preferred_areas", postgresql.ARRAY(sa.String(length=80)), nullable=True),
        sa.Column("agency_name", sa.String(length=120), nullable=True),
        sa.Column("bio", sa.Text(), nullable=True),
        sa.Column("licence_number", sa.String(length=40), nullable=True),
        sa.Column("rating", sa.Numeric(precision=2, scale=1), nullable=True),
        sa.CheckConstraint(
            "kind = 'agent' OR (agency_name IS NULL AND licence_number IS NULL)", name=op.f("ck_profiles_agent_columns")
        ),
        sa.CheckConstraint("kind = 'client' OR budget IS NULL", name=op.f("ck_profiles_client_columns")),
        sa.CheckConstraint("kind IN ('person', 'client', 'agent')", name=op.f("ck_profiles_kind")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_profiles_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
        sa.UniqueConstraint("user_id", name=op.f("uq_profiles_user_id")),
    )
    op.create_table(
        "properties",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="NGN", nullable=False),
        sa.Column("listing_type", sa.String(length=10), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=True),
        sa.Column("property_type", sa.String(length=20), nullable=False),
        sa.Column("location", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("city", sa.String(length=80), nullable=True),
        sa.Column("lga", sa.String(length=80), nullable=True),
        sa.Column("state", sa.String(length=80), nullable=True),
        sa.Column("country", sa.String(length=2), server_default="NG", nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("bedroom", sa.Integer(), nullable=True),
        sa.Column("bathroom", sa.Integer(), nullable=True),
        sa.Column("area_sqm", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("furnished", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_negotiable", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("air_condition", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("pop_ceiling", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("floor_tiles", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("running_water", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("prepaid_meter", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("wifi", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("amenities", postgresql.ARRAY(sa.String(length=40)), server_default="{}", nullable=False),
        sa.Column("time_zone", sa.String(length=40), server_default="Africa/Lagos", nullable=False),
        sa.Column("status", sa.String(length=10), server_default="available", nullable=False),
        sa.Column("listing_state", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("held_by_payment_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(listing_type = 'rent') = (period IS NOT NULL)", name=op.f("ck_properties_rent_has_period")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_properties_currency")),
        sa.CheckConstraint(
            "held_by_payment_id IS NULL OR status = 'available'", name=op.f("ck_properties_held_is_available")
        ),
        sa.CheckConstraint(
            "listing_state IN ('draft', 'published', 'paused', 'archived')", name=op.f("ck_properties_listing_state")
        ),
        sa.CheckConstraint("listing_type IN ('rent', 'sale')", name=op.f("ck_properties_listing_type")),
        sa.CheckConstraint("period IN ('year', 'month', 'week', 'night')", name=op.f("ck_properties_period")),
        sa.CheckConstraint(
            "property_type IN ('apartment', 'house', 'duplex', 'land', 'shortlet', 'shared_apartment', 'office', 'shop')",
            name=op.f("ck_properties_property_type"),
        ),
        sa.CheckConstraint("status IN ('available', 'rented', 'sold')", name=op.f("ck_properties_status")),
        sa.CheckConstraint("price > 0 AND price <= 1000000000000", name=op.f("ck_properties_price")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_properties_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_properties")),
        sa.UniqueConstraint("held_by_payment_id", name=op.f("uq_properties_held_by_payment_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_properties_reference")),
    )
    op.create_index("ix_properties_agent_id", "properties", ["agent_id", "id"], unique=False)
    op.create_index(
        "ix_properties_newest",
        "properties",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("listing_state = 'published' AND status = 'available'"),
    )
    op.create_index(
        "ix_properties_price",
        "properties",
        ["price", "id"],
        unique=False,
        postgresql_where=sa.text("listing_state = 'published' AND status = 'available'"),
    )
    op.create_table(
        "refresh_families",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_refresh_families_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_families")),
    )
    op.create_index("ix_refresh_families_user_id", "refresh_families", ["user_id"], unique=False)
    op.create_table(
        "ab_permission_view_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permission_view_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["permission_view_id"], ["ab_permission_view.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["ab_role.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("permission_view_id", "role_id"),
    )
    op.create_index("idx_permission_view_id", "ab_permission_view_role", ["permission_view_id"], unique=False)
    op.create_index("idx_role_id", "ab_permission_view_role", ["role_id"], unique=False)
    op.create_table(
        "appointments",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=12), server_default="pending", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("replaces_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("agent_id"), "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("status IN ('pending', 'confirmed')"),
            using="gist",
            name="ex_appointments_agent",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("client_id"), "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("status IN ('pending', 'confirmed')"),
            using="gist",
            name="ex_appointments_client",
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'rejected', 'canceled', 'expired', 'completed', 'no_show')",
            name=op.f("ck_appointments_status"),
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_appointments_period")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_appointments_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["ab_user.id"], name=op.f("fk_appointments_client_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_appointments_property_id_properties"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"],
            ["appointments.id"],
            name=op.f("fk_appointments_replaces_id_appointments"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
        sa.UniqueConstraint("replaces_id", name=op.f("uq_appointments_replaces_id")),
    )
    op.create_index("ix_appointments_agent_id", "appointments", ["agent_id", "starts_at"], unique=False)
    op.create_index("ix_appointments_client_id", "appointments", ["client_id", "id"], unique=False)
    op.create_index(
        "ix_appointments_ends_at",
        "appointments",
        ["ends_at"],
        unique=False,
        postgresql_where=sa.text("status = 'confirmed'"),
    )
    op.create_index(
        "ix_appointments_expires_at",
        "appointments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_appointments_property_id", "appointments", ["property_id"], unique=False)
    op.create_index(
        "uq_appointments_open",
        "appointments",
        ["client_id", "property_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'confirmed')"),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=False),
        sa.Column("receiver_id", sa.Integer(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("client_msg_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(message) BETWEEN 1 AND 4000", name=op.f("ck_messages_length")),
        sa.CheckConstraint("sender_id <> receiver_id", name=op.f("ck_messages_to_another")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id_conversations"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_messages_property_id_properties"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["ab_user.id"], name=op.f("fk_messages_receiver_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["ab_user.id"], name=op.f("fk_messages_sender_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_conversation_id", "messages", ["conversation_id", "id"], unique=False)
    op.create_index(
        "ix_messages_unread",
        "messages",
        ["receiver_id", "conversation_id"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index("uq_messages_client_msg_id", "messages", ["sender_id", "client_msg_id"], unique=True)
    op.create_table(
        "price_history",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("changed_by", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["ab_user.id"], name=op.f("fk_price_history_changed_by_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["property_id"],
            ["properties.id"],
            name=op.f("fk_price_history_property_id_properties"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_history")),
    )
    op.create_index("ix_price_history_property_id", "price_history", ["property_id", "id"], unique=False)
    op.create_table(
        "property_fees",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.CheckConstraint(
            "kind IN ('agency', 'legal', 'agreement', 'caution', 'service_charge', 'other')",
            name=op.f("ck_property_fees_kind"),
        ),
        sa.CheckConstraint("amount > 0 AND amount <= 1000000000000", name=op.f("ck_property_fees_amount")),
        sa.ForeignKeyConstraint(
            ["property_id"],
            ["properties.id"],
            name=op.f("fk_property_fees_property_id_properties"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_property_fees")),
    )
    op.create_index("ix_property_fees_property_id", "property_fees", ["property_id", "position"], unique=False)
    op.create_table(
        "property_images",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_cover", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("caption", sa.String(length=200), nullable=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), server_default="processing", nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("staging_key", sa.String(length=120), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('processing', 'ready', 'failed')", name=op.f("ck_property_images_status")),
        sa.ForeignKeyConstraint(
            ["property_id"],
            ["properties.id"],
            name=op.f("fk_property_images_property_id_properties"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_property_images")),
        sa.UniqueConstraint("key", name=op.f("uq_property_images_key")),
    )
    op.create_index(
        "ix_property_images_processing",
        "property_images",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.create_index("ix_property_images_property_id", "property_images", ["property_id", "position"], unique=False)
    op.create_index(
        "uq_property_images_cover",
        "property_images",
        ["property_id"],
        unique=True,
        postgresql_where=sa.text("is_cover"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"],
            ["refresh_families.id"],
            name=op.f("fk_refresh_tokens_family_id_refresh_families"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(
        "uq_refresh_tokens_live",
        "refresh_tokens",
        ["family_id"],
        unique=True,
        postgresql_where=sa.text("used_at IS NULL"),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), nullable=True),
        sa.Column("renews_contract_id", sa.BigInteger(), nullable=True),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=True),
        sa.Column("periods", sa.Integer(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("bank_account_id", sa.BigInteger(), nullable=False),
        sa.Column("account", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(length=12), server_default="initiated", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amount_paid", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("payer_name", sa.String(length=120), nullable=True),
        sa.Column("bank_reference", sa.String(length=80), nullable=True),
        sa.Column("proof_file_id", sa.BigInteger(), nullable=True),
        sa.Column("refund_due", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'renewal') = (appointment_id IS NULL)", name=op.f("ck_payments_appointment")),
        sa.CheckConstraint("(kind = 'renewal') = (renews_contract_id IS NOT NULL)", name=op.f("ck_payments_renewal")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_payments_currency")),
        sa.CheckConstraint("kind IN ('rent', 'sale', 'renewal')", name=op.f("ck_payments_kind")),
        sa.CheckConstraint(
            "status IN ('initiated', 'declared', 'processing', 'verified', 'accepted', 'declined', 'canceled', 'expired', 'superseded')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('declared') OR (declared_at IS NOT NULL AND decide_by IS NOT NULL)",
            name=op.f("ck_payments_declared"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_payments_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointments.id"],
            name=op.f("fk_payments_appointment_id_appointments"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["bank_account_id"],
            ["bank_accounts.id"],
            name=op.f("fk_payments_bank_account_id_bank_accounts"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["ab_user.id"], name=op.f("fk_payments_client_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["proof_file_id"], ["files.id"], name=op.f("fk_payments_proof_file_id_files"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_payments_property_id_properties"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("reference", name=op.f("uq_payments_reference")),
    )
    op.create_index("ix_payments_agent_id", "payments", ["agent_id", "id"], unique=False)
    op.create_index("ix_payments_client_id", "payments", ["client_id", "id"], unique=False)
    op.create_index(
        "ix_payments_decide_by",
        "payments",
        ["decide_by"],
        unique=False,
        postgresql_where=sa.text("status = 'declared'"),
    )
    op.create_index(
        "ix_payments_expires_at",
        "payments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'initiated'"),
    )
    op.create_index("ix_payments_property_id", "payments", ["property_id"], unique=False)
    op.create_index(
        "uq_payments_holding",
        "payments",
        ["property_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('declared', 'verified') AND kind <> 'renewal'"),
    )
    op.create_index(
        "uq_payments_open",
        "payments",
        ["appointment_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('initiated', 'declared', 'processing', 'verified')"),
    )
    op.create_index(
        "uq_payments_open_renewal",
        "payments",
        ["renews_contract_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('initiated', 'declared', 'processing', 'verified')"),
    )
    op.create_table(
        "contracts",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("replaces_id", sa.BigInteger(), nullable=True),
        sa.Column("contract_type", sa.String(length=10), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=True),
        sa.Column("periods", sa.Integer(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("status", sa.String(length=12), server_default="pending", nullable=False),
        sa.Column("ends_early_on", sa.Date(), nullable=True),
        sa.Column("renewal_periods", sa.Integer(), nullable=True),
        sa.Column("renewal_by", sa.String(length=6), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(contract_type = 'rent') = (end_date IS NOT NULL)", name=op.f("ck_contracts_rent_has_end")),
        sa.CheckConstraint("contract_type IN ('rent', 'sale')", name=op.f("ck_contracts_contract_type")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_contracts_currency")),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'scheduled', 'expired', 'renewed', 'terminated', 'completed', 'canceled')",
            name=op.f("ck_contracts_status"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_contracts_amount")),
        sa.CheckConstraint("end_date > start_date", name=op.f("ck_contracts_period")),
        sa.CheckConstraint("(renewal_periods IS NULL) = (renewal_by IS NULL)", name=op.f("ck_contracts_renewal")),
        sa.CheckConstraint("renewal_by IN ('client', 'agent')", name=op.f("ck_contracts_renewal_by")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_contracts_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["ab_user.id"], name=op.f("fk_contracts_client_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_contracts_payment_id_payments"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_contracts_property_id_properties"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["contracts.id"], name=op.f("fk_contracts_replaces_id_contracts"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_contracts_payment_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_contracts_reference")),
    )
    op.create_index("ix_contracts_agent_id", "contracts", ["agent_id", "id"], unique=False)
    op.create_index("ix_contracts_client_id", "contracts", ["client_id", "id"], unique=False)
    op.create_index(
        "ix_contracts_due",
        "contracts",
        ["end_date", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'active' AND contract_type = 'rent'"),
    )
    op.create_index("ix_contracts_property_id", "contracts", ["property_id"], unique=False)
    op.create_index(
        "uq_contracts_live",
        "contracts",
        ["property_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('active', 'completed')"),
    )
    op.create_index(
        "uq_contracts_successor",
        "contracts",
        ["replaces_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'scheduled', 'active')"),
    )
    op.create_foreign_key(
        op.f("fk_properties_held_by_payment_id_payments"),
        "properties",
        "payments",
        ["held_by_payment_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_foreign_key(
        op.f("fk_payments_renews_contract_id_contracts"),
        "payments",
        "contracts",
        ["renews_contract_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.execute(APPEND_ONLY)
    op.execute(STATUS_MATCHES_CONTRACT)


def downgrade() -> None:
    op.drop_constraint(op.f("fk_payments_renews_contract_id_contracts"), "payments")
    op.drop_constraint(op.f("fk_properties_held_by_payment_id_payments"), "properties")
    op.drop_index(
        "uq_contracts_successor",
        table_name="contracts",
        postgresql_where=sa.text("status IN ('pending', 'scheduled', 'active')"),
    )
    op.drop_index(
        "uq_contracts_live", table_name="contracts", postgresql_where=sa.text("status IN ('active', 'completed')")
    )
    op.drop_index("ix_contracts_property_id", table_name="contracts")
    op.drop_index(
        "ix_contracts_due",
        table_name="contracts",
        postgresql_where=sa.text("status = 'active' AND contract_type = 'rent'"),
    )
    op.drop_index("ix_contracts_client_id", table_name="contracts")
    op.drop_index("ix_contracts_agent_id", table_name="contracts")
    op.drop_table("contracts")
    op.drop_index(
        "uq_payments_open_renewal",
        table_name="payments",
        postgresql_where=sa.text("status IN ('initiated', 'declared', 'processing', 'verified')"),
    )
    op.drop_index(
        "uq_payments_open",
        table_name="payments",
        postgresql_where=sa.text("status IN ('initiated', 'declared', 'processing', 'verified')"),
    )
    op.drop_index(
        "uq_payments_holding",
        table_name="payments",
        postgresql_where=sa.text("status IN ('declared', 'verified') AND kind <> 'renewal'"),
    )
    op.drop_index("ix_payments_property_id", table_name="payments")
    op.drop_index("ix_payments_expires_at", table_name="payments", postgresql_where=sa.text("status = 'initiated'"))
    op.drop_index("ix_payments_decide_by", table_name="payments", postgresql_where=sa.text("status = 'declared'"))
    op.drop_index("ix_payments_client_id", table_name="payments")
    op.drop_index("ix_payments_agent_id", table_name="payments")
    op.drop_table("payments")
    op.drop_index("uq_refresh_tokens_live", table_name="refresh_tokens", postgresql_where=sa.text("used_at IS NULL"))
    op.drop_table("refresh_tokens")
    op.drop_index("uq_property_images_cover", table_name="property_images", postgresql_where=sa.text("is_cover"))
    op.drop_index("ix_property_images_property_id", table_name="property_images")
    op.drop_index(
        "ix_property_images_processing", table_name="property_images", postgresql_where=sa.text("status = 'processing'")
    )
    op.drop_table("property_images")
    op.drop_index("ix_property_fees_property_id", table_name="property_fees")
    op.drop_table("property_fees")
    op.drop_index("ix_price_history_property_id", table_name="price_history")
    op.drop_table("price_history")
    op.drop_index("uq_messages_client_msg_id", table_name="messages")
    op.drop_index("ix_messages_unread", table_name="messages", postgresql_where=sa.text("read_at IS NULL"))
    op.drop_index("ix_messages_conversation_id", table_name="messages")
    op.drop_table("messages")
    op.drop_index(
        "uq_appointments_open",
        table_name="appointments",
        postgresql_where=sa.text("status IN ('pending', 'confirmed')"),
    )
    op.drop_index("ix_appointments_property_id", table_name="appointments")
    op.drop_index(
        "ix_appointments_expires_at", table_name="appointments", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_index(
        "ix_appointments_ends_at", table_name="appointments", postgresql_where=sa.text("status = 'confirmed'")
    )
    op.drop_index("ix_appointments_client_id", table_name="appointments")
    op.drop_index("ix_appointments_agent_id", table_name="appointments")
    op.drop_table("appointments")
    op.drop_index("idx_role_id", table_name="ab_permission_view_role")
    op.drop_index("idx_permission_view_id", table_name="ab_permission_view_role")
    op.drop_table("ab_permission_view_role")
    op.drop_index("ix_refresh_families_user_id", table_name="refresh_families")
    op.drop_table("refresh_families")
    op.drop_index(
        "ix_properties_price",
        table_name="properties",
        postgresql_where=sa.text("listing_state = 'published' AND status = 'available'"),
    )
    op.drop_index(
        "ix_properties_newest",
        table_name="properties",
        postgresql_where=sa.text("listing_state = 'published' AND status = 'available'"),
    )
    op.drop_index("ix_properties_agent_id", table_name="properties")
    op.drop_table("properties")
    op.drop_table("profiles")
    op.drop_index("ix_outbox_user_id", table_name="outbox")
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("sent_at IS NULL AND dead_at IS NULL"))
    op.drop_table("outbox")
    op.drop_index("uq_one_time_codes_live", table_name="one_time_codes", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_one_time_codes_user_id_created_at", table_name="one_time_codes")
    op.drop_table("one_time_codes")
    op.drop_index("ix_notifications_user_id", table_name="notifications")
    op.drop_index("ix_notifications_unread", table_name="notifications", postgresql_where=sa.text("read_at IS NULL"))
    op.drop_table("notifications")
    op.drop_index("uq_notification_preferences_kind", table_name="notification_preferences")
    op.drop_table("notification_preferences")
    op.drop_index("ix_history_subject", table_name="history")
    op.drop_table("history")
    op.drop_index("ix_files_owner_id", table_name="files")
    op.drop_table("files")
    op.drop_index("uq_conversations_pair", table_name="conversations")
    op.drop_index("ix_conversations_low", table_name="conversations")
    op.drop_index("ix_conversations_high", table_name="conversations")
    op.drop_table("conversations")
    op.drop_index("uq_chat_blocks_pair", table_name="chat_blocks")
    op.drop_table("chat_blocks")
    op.drop_index("uq_bank_accounts_number", table_name="bank_accounts", postgresql_where=sa.text("removed_at IS NULL"))
    op.drop_index(
        "uq_bank_accounts_default",
        table_name="bank_accounts",
        postgresql_where=sa.text("is_default AND removed_at IS NULL"),
    )
    op.drop_table("bank_accounts")
    op.drop_index("ix_availability_hours_agent_id", table_name="availability_hours")
    op.drop_table("availability_hours")
    op.drop_index("ix_availability_exceptions_agent_id", table_name="availability_exceptions")
    op.drop_table("availability_exceptions")
    op.drop_table("ab_user_role")
    op.drop_index("idx_user_id", table_name="ab_user_group")
    op.drop_index("idx_user_group_id", table_name="ab_user_group")
    op.drop_table("ab_user_group")
    op.drop_index("idx_view_menu_id", table_name="ab_permission_view")
    op.drop_index("idx_permission_id", table_name="ab_permission_view")
    op.drop_table("ab_permission_view")
    op.drop_index("idx_group_role_id", table_name="ab_group_role")
    op.drop_index("idx_group_id", table_name="ab_group_role")
    op.drop_table("ab_group_role")
    op.drop_index("idx_api_key_user_id", table_name="ab_api_key")
    op.drop_index("idx_api_key_prefix", table_name="ab_api_key")
    op.drop_index("idx_api_key_lookup_hash", table_name="ab_api_key")
    op.drop_table("ab_api_key")
    op.drop_index("ix_job_runs_job_started_at", table_name="job_runs")
    op.drop_table("job_runs")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("ab_view_menu")
    op.drop_index("uq_ab_user_phone", table_name="ab_user", postgresql_where=sa.text("phone IS NOT NULL"))
    op.drop_index("uq_ab_user_lower_username", table_name="ab_user")
    op.drop_index("uq_ab_user_lower_email", table_name="ab_user")
    op.drop_table("ab_user")
    op.drop_table("ab_role")
    op.drop_table("ab_register_user")
    op.drop_table("ab_permission")
    op.drop_table("ab_group")
    for function in ("check_contracts_property", "check_property_status", "check_property_contract", "refuse_change"):
        op.execute(f"DROP FUNCTION {function} CASCADE")
    for extension in EXTENSIONS:
        op.execute(f"DROP EXTENSION {extension}")
