"""What the API says of messages and people: JSON that PostgreSQL builds. `m` a message, `u` a user, `a` his profile.

`f` is a file.
"""

from sheda.core import files
from sheda.core.actor import Role

PUBLIC = f"{files.Area.PUBLIC}/"

# Of pieces, for json_build_object looks up every argument's type in every row, which takes half as long again.
MESSAGE = """concat('{"id": ', m.id, ', "sender_id": ', m.sender_id, ', "receiver_id": ', m.receiver_id,
 ', "property_id": ', coalesce(m.property_id::text, 'null'), ', "message": ', to_json(m.message),
 ', "timestamp": "', to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
 '", "is_read": ', CASE WHEN m.read_at IS NULL THEN 'false' ELSE 'true' END,
 ', "attachments": ', coalesce(m.attachments::text, '[]'), '}')"""

FILES = "/api/v1/chats/files/"
"""Where the files of one's conversations are read."""

ATTACHMENT = f"""jsonb_build_object('id', f.id, 'name', f.name, 'content_type', f.content_type, 'size', f.size,
 'width', f.width, 'height', f.height, 'url', concat('{FILES}', f.id),
 'thumb_url', CASE WHEN f.thumb_key IS NOT NULL THEN concat('{FILES}', f.id, '/thumb') END)"""

_RANKS = ", ".join(f"'{role}'" for role in (Role.ADMIN, Role.STAFF, Role.AGENT, Role.CLIENT))

_ROLE = f"""(SELECT lower(r.name) FROM ab_user_role g JOIN ab_role r ON r.id = g.role_id
 WHERE g.user_id = u.id AND r.name IN ({_RANKS}) ORDER BY array_position(ARRAY[{_RANKS}], r.name::text) LIMIT 1)"""

# Every public key shares one prefix, so the address is the store's address of that prefix and the rest of the key.
PERSON = f"""json_build_object('id', u.id,
 'name', coalesce(nullif(btrim(concat_ws(' ', u.first_name, u.last_name)), ''), u.username),
 'picture', CASE WHEN a.picture_key IS NOT NULL
  THEN concat(CAST(:media AS text), substr(a.picture_key, {len(PUBLIC) + 1}), '{files.rendition_key("", "thumb")}') END,
 'role', {_ROLE})"""
