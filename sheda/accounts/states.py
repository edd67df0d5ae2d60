"""What staff may do about a person, and the words for it; who may do it to whom is decided by the services."""

from sheda.core.states import Move

ACTS = {
    act.name: act
    for act in (
        Move("unlock", ("active",), "active", "S", "Forget failed sign-ins"),
        Move("sign_out", ("active",), "active", "S", "Sign out everywhere", confirm="All their sessions end now."),
        Move(
            "deactivate",
            ("active",),
            "inactive",
            "S",
            "Deactivate",
            confirm="Their sessions end, and they cannot sign in until somebody reactivates them.",
        ),
        Move(
            "reset_totp",
            ("active",),
            "active",
            "S",
            "Reset two-step sign-in",
            reason="always",
            confirm="Their app and recovery codes open nothing any more, and they are signed out. They are told by mail.",
        ),
        Move("reactivate", ("inactive",), "active", "S", "Reactivate", confirm="They can sign in again."),
    )
}
"""What staff may do about a person; who may do it to whom is decided by the services."""
