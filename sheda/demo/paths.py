"""By which moves a row has come to its state: the move, the state after it, and whose it is (a key of ROLES)."""

Step = tuple[str, str, str]
Path = tuple[Step, ...]

VIEWING: dict[str, Path] = {
    "pending": (),
    "confirmed": (("confirm", "confirmed", "A"),),
    "rejected": (("reject", "rejected", "A"),),
    "canceled": (("cancel", "canceled", "C"),),
    "expired": (("expire", "expired", "Y"),),
    "completed": (("confirm", "confirmed", "A"), ("complete", "completed", "A")),
    "no_show": (("confirm", "confirmed", "A"), ("no_show", "no_show", "A")),
}
DECLARED: Step = ("declare", "declared", "C")
PAYMENT: dict[str, Path] = {
    "initiated": (),
    "declared": (DECLARED,),
    "processing": (("process", "processing", "Y"),),
    "verified": (("process", "processing", "Y"), ("verify", "verified", "Y")),
    "accepted": (DECLARED, ("accept", "accepted", "A")),
    "declined": (DECLARED, ("decline", "declined", "A")),
    "canceled": (("cancel", "canceled", "C"),),
    "expired": (("expire", "expired", "Y"),),
    "superseded": (("supersede", "superseded", "Y"),),
}
_ACTIVE: Step = ("activate", "active", "A")
CONTRACT: dict[str, Path] = {
    "pending": (),
    "canceled": (("cancel", "canceled", "A"),),
    "active": (_ACTIVE,),
    "scheduled": (("schedule", "scheduled", "A"),),
    "expired": (_ACTIVE, ("expire", "expired", "Y")),
    "renewed": (_ACTIVE, ("renewed", "renewed", "Y")),
    "terminated": (_ACTIVE, ("terminate", "terminated", "C")),
    "completed": (_ACTIVE, ("complete", "completed", "A")),
}
ROLES = {"C": "Client", "A": "Agent", "Y": "System"}
LIVE = {"active", "completed"}
