"""May you knock: resource × action × role, the whole table on one screen.

Letters: P public, C client, A agent, S staff, X admin. The rows that are there for a role are another question
(`visible_to`), and so is whether a move is possible now (`states.py`).
"""

from sheda.core.actor import Role

GRANTS: dict[str, dict[str, str]] = {
    "Auth": {"register": "PCASX", "login": "PCASX", "totp": "PCASX", "otp": "PCASX", "verify": "PCASX", "reset": "PCASX", "refresh": "PCASX", "logout": "PCASX", "logout_all": "PCASX"},
    "Me": {"read": "CASX", "update": "CASX", "delete": "CASX", "password": "CASX", "picture": "CASX", "export": "CASX"},
    "AgentCard": {"read": "PCASX"},
    "User": {"list": "SX", "read": "SX", "deactivate": "SX", "reactivate": "SX", "unlock": "SX", "sign_out": "SX", "reset_totp": "X"},
    "MyVerification": {"read": "A", "update": "A", "submit": "A"},
    "Verification": {"list": "SX", "read": "SX", "approve": "SX", "reject": "SX", "revoke": "SX"},
    "TwoFactor": {"read": "ASX", "update": "ASX"},
    "Role": {"list": "X", "read": "X"},
    "Property": {"list": "PCASX", "read": "PCASX", "create": "AX", "update": "ASX", "publish": "ASX", "keep": "ASX", "pause": "ASX", "archive": "ASX"},
    "PropertyImage": {"create": "ASX", "update": "ASX", "delete": "ASX"},
    "Favourite": {"list": "CA", "create": "CA", "delete": "CA"},
    "SavedSearch": {"list": "CA", "read": "CA", "create": "CA", "update": "CA", "delete": "CA"},
    "Unsubscribe": {"use": "PCASX"},
    "Availability": {"slots": "PCASX", "list": "A", "create": "A", "update": "A", "delete": "A"},
    "CalendarFeed": {"read": "A", "create": "A", "delete": "A", "subscribe": "PCASX"},
    "Appointment": {"list": "CASX", "read": "CASX", "create": "C", "confirm": "ASX", "reject": "ASX", "complete": "ASX", "no_show": "ASX", "cancel": "CASX", "reschedule": "CASX", "pay": "C"},
    "BankAccount": {"list": "A", "create": "A", "update": "A", "delete": "A"},
    "Payment": {"list": "CASX", "read": "CASX", "cancel": "C", "checkout": "C", "accept": "ASX", "decline": "ASX", "refund": "ASX"},
    "File": {"create": "CASX", "read": "CASX"},
    "Contract": {"list": "CASX", "read": "CASX", "declare": "C", "confirm_payment": "ASX", "expire": "SX", "terminate": "CASX", "renew": "CASX", "complete": "ASX"},
    "Chat": {"list": "CASX", "read": "CASX", "send": "CASX", "block": "CA", "report": "CA"},
    "Report": {"list": "SX", "read": "SX", "warn": "SX", "resolve": "SX", "dismiss": "SX"},
    "QuickReply": {"list": "ASX", "create": "ASX", "update": "ASX", "delete": "ASX"},
    "Live": {"connect": "CASX"},
    "Notification": {"list": "CASX", "read": "CASX", "update": "CASX"},
    "PushDevice": {"list": "CASX", "create": "CASX", "delete": "CASX"},
    "MessagePreview": {"list": "SX"},
    "Hook": {"list": "ASX", "read": "ASX", "create": "ASX", "update": "ASX", "delete": "ASX", "secret": "ASX", "ping": "ASX", "switch_off": "ASX", "switch_on": "ASX"},
    "HookDelivery": {"list": "ASX", "read": "ASX", "replay": "ASX"},
    "Webhook": {"post": "PCASX"},
    "WebhookEvent": {"list": "SX", "read": "SX", "retry": "X"},
    "Outbox": {"list": "SX", "read": "SX", "retry": "X"},
    "JobRun": {"list": "SX", "read": "SX", "retry": "X"},
    "SystemHealth": {"read": "SX"},
    "History": {"list": "SX", "read": "SX"},
    "AdminUI": {"enter": "ASX"},
    "Health": {"read": "PCASX"},
    "ApiDocument": {"read": "PCASX"},
}  # fmt: skip

ROLES = (Role.PUBLIC, Role.CLIENT, Role.AGENT, Role.STAFF, Role.ADMIN)


def granted(role: Role, action: str, resource: str) -> bool:
    """Tell whether the table lets a role try an action on a resource; the system may try everything."""
    return role is Role.SYSTEM or role.letter in GRANTS.get(resource, {}).get(action, "")


def pairs_of(role: Role) -> set[tuple[str, str]]:
    """Return a role's exact (permission, view) pairs as Flask-AppBuilder stores them."""
    return {
        (f"can_{action}", resource)
        for resource, actions in GRANTS.items()
        for action, letters in actions.items()
        if role.letter in letters
    }
