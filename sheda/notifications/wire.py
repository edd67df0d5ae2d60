"""What the API says of a notice: JSON that PostgreSQL builds."""

NOTICE = """json_build_object('id', notifications.id, 'kind', notifications.kind, 'text', notifications.text,
 'subject_type', notifications.subject_type, 'subject_id', notifications.subject_id,
 'is_read', notifications.read_at IS NOT NULL,
 'created_at', to_char(notifications.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text"""
