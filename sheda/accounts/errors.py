"""What accounts refuse."""

from sheda.core.errors import BadRequest, Conflict, InvalidInput, NotAllowed, Unauthorized


class EmailTaken(Conflict):
    """Refuse a second account with one e-mail address, whatever its case."""

    code = "email_taken"
    detail = "There is an account with this e-mail address. Sign in, or reset its password."


class UsernameTaken(Conflict):
    """Refuse a user name that somebody has, whatever its case."""

    code = "username_taken"
    detail = "Somebody has this user name. Choose another."


class PhoneTaken(Conflict):
    """Refuse a telephone number that another account has."""

    code = "phone_taken"
    detail = "There is an account with this telephone number."


class InvalidCredentials(Unauthorized):
    """Refuse a sign-in, in the same words whoever was named."""

    code = "invalid_credentials"
    detail = "The name or the password is wrong."


class AccountDisabled(NotAllowed):
    """Refuse the right password of an account that staff have closed."""

    code = "account_disabled"
    detail = "This account is disabled. Write to us if you think it should not be."


class EmailUnverified(NotAllowed):
    """Refuse the right password until the address is verified, where that is asked for."""

    code = "email_unverified"
    detail = "Verify your e-mail address first; ask for a new code if the one we sent has expired."


class OtpInvalid(BadRequest):
    """Refuse a one-time code in the same words, whatever is wrong with it; the try stays counted."""

    code = "otp_invalid"
    detail = "This code is wrong, used or expired. Ask for a new one."
    keeps_work = True


class LastAdmin(Conflict):
    """Refuse to close the account of the last admin: nobody could open one again."""

    code = "last_admin"
    detail = "This is the last active admin. Make another admin first."


class AccountDeleted(Conflict):
    """Refuse to bring back an account whose owner has deleted it."""

    code = "account_deleted"
    detail = "Its owner has deleted this account; nothing of it is left to bring back."


class WrongPassword(InvalidInput):
    """Refuse a change by somebody who does not know the present password."""

    code = "wrong_password"
    detail = "This is not your present password."

    def __init__(self, field: str = "current_password") -> None:
        super().__init__(errors=[{"field": field, "message": self.detail}])


class TotpRequired(NotAllowed):
    """Ask for the second step: the password was right; `challenge` goes to `/auth/totp` with a code."""

    code = "totp_required"
    detail = "Give the six digits of your authenticator app, or a recovery code."
    keeps_work = True


class TotpSetupRequired(NotAllowed):
    """Refuse staff who have not set up their second step where it is asked for."""

    code = "totp_setup_required"
    detail = "Set up two-step sign-in first: sign in to the admin pages, which lead you there."


class TotpInvalid(Unauthorized):
    """Refuse a code that is wrong, or was used before; the try stays counted."""

    code = "totp_invalid"
    detail = "This code is wrong, or was used before. Wait for the next one of your app."
    keeps_work = True


class ChallengeInvalid(Unauthorized):
    """Refuse the second step of a sign-in that is over: used, too old, or tried too often."""

    code = "challenge_invalid"
    detail = "This sign-in has taken too long or too many tries. Begin again with your password."


class SecondStepNeeded(Conflict):
    """Refuse to turn off what the house asks of staff."""

    code = "totp_needed"
    detail = "Staff and admins sign in with two steps here. An admin can reset yours when you change your telephone."
