"""What must always be true of the data: a query for each invariant, which returns the rows that break it."""

from typing import Any

from flask import current_app
from sqlalchemy import text
from sqlalchemy.orm import Session

INVARIANTS: dict[str, str] = {
    "I1 rented or sold means exactly one live contract": """
        SELECT p.id, p.status, count(c.id) FROM properties p
        LEFT JOIN contracts c ON c.property_id = p.id AND c.status IN ('active', 'completed')
        GROUP BY p.id, p.status HAVING (p.status IN ('rented', 'sold')) <> (count(c.id) = 1) OR count(c.id) > 1""",
    "I2 no overlapping live viewings of one agent or client": """
        SELECT a.id, b.id FROM appointments a JOIN appointments b ON a.id < b.id
        AND (a.agent_id = b.agent_id OR a.client_id = b.client_id)
        AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
        WHERE a.status IN ('pending', 'confirmed') AND b.status IN ('pending', 'confirmed')""",
    "I3 a contract's terms are its payment's": """
        SELECT c.id FROM contracts c JOIN payments p ON p.id = c.payment_id
        WHERE (c.amount, c.currency, c.client_id, c.property_id) IS DISTINCT FROM (p.amount, p.currency, p.client_id, p.property_id)
        OR (c.status = 'pending' AND p.status NOT IN ('declared', 'verified'))
        OR (c.status NOT IN ('pending', 'canceled') AND p.status <> 'accepted')""",
    "I4 an accepted payment has a contract": """
        SELECT p.id FROM payments p LEFT JOIN contracts c ON c.payment_id = p.id AND c.status NOT IN ('pending', 'canceled')
        WHERE p.status = 'accepted' AND c.id IS NULL""",
    "I5 no active tenancy a day past its end, less holding over": """
        SELECT c.id, c.end_date, c.ends_early_on FROM contracts c JOIN properties p ON p.id = c.property_id
        WHERE c.status = 'active' AND c.contract_type = 'rent'
        AND least(c.end_date, c.ends_early_on) < CAST(now() AT TIME ZONE p.time_zone AS date)
        AND NOT (c.end_date >= CAST((now() AT TIME ZONE p.time_zone) - CAST(:holding_over AS interval) AS date)
            AND EXISTS (SELECT 1 FROM payments r WHERE r.renews_contract_id = c.id AND r.status IN ('declared', 'verified')))""",
    "I6 a contract's agent is the payment's": """
        SELECT c.id FROM contracts c JOIN payments p ON p.id = c.payment_id WHERE c.agent_id <> p.agent_id""",
    "I7 no declared or accepted payment without a viewing, renewals excepted": """
        SELECT p.id FROM payments p LEFT JOIN appointments a ON a.id = p.appointment_id
        WHERE p.status IN ('declared', 'verified', 'accepted') AND p.kind <> 'renewal'
        AND coalesce(a.status, '') NOT IN ('confirmed', 'completed')""",
    "I8 no message unsent for ten minutes unless dead": """
        SELECT id, template FROM outbox WHERE sent_at IS NULL AND dead_at IS NULL
        AND CASE WHEN attempts = 0 OR channel <> 'mail' THEN due_at ELSE created_at END < now() - interval '10 minutes'""",
    "I9 no message sent under two ids": """
        SELECT key FROM outbox GROUP BY key HAVING count(DISTINCT message_id) > 1""",
    "I10 no webhook event unprocessed for ten minutes unless given up": """
        SELECT id, provider FROM webhook_events WHERE processed_at IS NULL AND dead_at IS NULL
        AND received_at < now() - interval '10 minutes'""",
    "I11 no code past its tries or life still usable": """
        SELECT id FROM one_time_codes WHERE used_at IS NULL AND ended_at IS NULL
        AND (tries >= :code_tries OR expires_at > clock_timestamp() + CAST(:code_life AS interval))""",
    "I12 no two live refresh tokens in a family": """
        SELECT family_id FROM refresh_tokens WHERE used_at IS NULL GROUP BY family_id HAVING count(*) > 1""",
    "I13 at most twenty images, exactly one cover when there is any": """
        SELECT property_id FROM property_images GROUP BY property_id
        HAVING count(*) > 20 OR count(*) FILTER (WHERE is_cover) <> 1""",
    "I14 no idempotency key hung": """
        SELECT key FROM idempotency_keys WHERE status IS NULL AND created_at < now() - interval '5 minutes'""",
    "I15 every contract, payment and viewing state has its history row": """
        SELECT s.kind, s.id, s.status FROM (
            SELECT 'contracts' AS kind, id, status FROM contracts UNION ALL
            SELECT 'payments', id, status FROM payments UNION ALL
            SELECT 'appointments', id, status FROM appointments) s
        WHERE NOT EXISTS (SELECT 1 FROM history h
            WHERE h.subject_type = s.kind AND h.subject_id = s.id AND h.to_state = s.status)""",
    "I16 at most one holding payment per property, and it is declared or verified": """
        SELECT p.id FROM properties p JOIN payments y ON y.id = p.held_by_payment_id
        WHERE y.status NOT IN ('declared', 'verified') OR y.property_id <> p.id
        UNION ALL SELECT property_id FROM payments WHERE status IN ('declared', 'verified') AND kind <> 'renewal'
        GROUP BY property_id HAVING count(*) > 1""",
    "I17 whoever is told, and every home in the news, is there": """
        SELECT 'notifications' AS kind, n.id FROM notifications n
        WHERE NOT EXISTS (SELECT 1 FROM ab_user u WHERE u.id = n.user_id)
        UNION ALL SELECT 'outbox', o.id FROM outbox o
        WHERE o.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ab_user u WHERE u.id = o.user_id)
        UNION ALL SELECT 'listing_news', w.id FROM listing_news w
        WHERE NOT EXISTS (SELECT 1 FROM properties p WHERE p.id = w.property_id)""",
}
"""Each query returns no row on sound data (domain.md, Always true)."""

SHOWN = 20


def broken_invariants(session: Session) -> dict[str, list[Any]]:
    """Return each invariant with up to twenty rows that break it."""
    settings = {name: current_app.config[name.upper()] for name in ("code_life", "code_tries", "holding_over")}
    return {name: list(session.execute(text(query), settings).fetchmany(SHOWN)) for name, query in INVARIANTS.items()}
