"""The sign-in endpoints."""

import json
from typing import Any

from sheda.accounts import services
from sheda.accounts.schemas import (
    Login,
    LoginOut,
    OtpBody,
    RefreshBody,
    Registration,
    ResetBody,
    TokenOut,
    TotpBody,
    UserOut,
    VerifyBody,
)
from sheda.core import limits
from sheda.core.actor import Actor, Role, client_address
from sheda.core.api import Answer, ServiceApi, bearer_token, endpoint
from sheda.core.errors import Unauthorized

SENT = json.dumps({"result": {"message": "If this address has an account, a code is on its way to it."}})


class AuthApi(ServiceApi):
    """Join, sign in and out, prove an address, reset a password."""

    resource_name = "auth"
    class_permission_name = "Auth"

    @endpoint(
        "POST", "/register", may="register", body=Registration, answer=UserOut, status=201, idempotent=True,
        tokenless=True, form=True,
    )  # fmt: skip
    def register(self, _actor: Actor, body: dict[str, Any]) -> Answer:
        """Open an account as a client or an agent. A verification code is mailed to its address."""
        allowance = limits.hit("register", client_address())
        role, agency = Role(body.pop("role").capitalize()), body.pop("agency_name")
        user = services.register(**body, role=role, details={"agency_name": agency} if agency else {})
        return _with(allowance, user)

    @endpoint(
        "POST", "/login", may="login", body=Login, answer=LoginOut, tokenless=True, form=True, flat=True,
        refusals=(401, 403),
    )  # fmt: skip
    def login(self, _actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Sign in by user name, e-mail address or telephone number. After 10 failures in 5 minutes: 429.

        Whoever has set up a second step gets 403 `totp_required` with a `challenge` for `/auth/totp`.
        """
        password = body.pop("password")
        kind, identifier = body.popitem()
        return services.sign_in(services.authenticate(identifier, password, address=client_address(), kind=kind))

    @endpoint("POST", "/totp", may="totp", body=TotpBody, answer=LoginOut, tokenless=True, flat=True, refusals=(401,))
    def second_step(self, _actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """End a sign-in in two steps: the challenge that `/auth/login` gave, and a code of the app or of recovery.

        A wrong code is 401 `totp_invalid` and counts as a failed sign-in; a challenge that is over is 401
        `challenge_invalid`.
        """
        return services.sign_in_by_code(**body, address=client_address())

    @endpoint(
        "POST", "/refresh", may="refresh", body=RefreshBody, answer=TokenOut, tokenless=True, flat=True, refusals=(401,)
    )
    def refresh(self, _actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Exchange the refresh token for new tokens. It is single-use: a second use ends the whole sign-in."""
        return services.refresh(_token(body))

    @endpoint("POST", "/logout", may="logout", body=RefreshBody, status=204, tokenless=True, refusals=(401,))
    def logout(self, _actor: Actor, body: dict[str, Any]) -> None:
        """End this sign-in, named by its access token or its refresh token."""
        services.logout(_token(body))

    @endpoint("POST", "/logout-all", may="logout_all", body=RefreshBody, status=204, tokenless=True, refusals=(401,))
    def logout_all(self, _actor: Actor, body: dict[str, Any]) -> None:
        """End every session of this person on every device, cookies included."""
        services.logout_all(_token(body))

    @endpoint("POST", "/otp", may="otp", body=OtpBody, status=202, tokenless=True)
    def request_otp(self, _actor: Actor, body: dict[str, Any]) -> Answer:
        """Ask for a one-time code by mail. The answer is the same whether or not the address has an account."""
        allowance = limits.hit("otp", client_address())
        services.request_code(body["email"], body["purpose"])
        return _with(allowance, SENT)

    @endpoint("POST", "/verify", may="verify", body=VerifyBody, answer=UserOut, tokenless=True)
    def verify(self, _actor: Actor, body: dict[str, Any]) -> Any:
        """Verify an e-mail address by the code mailed to it. Whatever is wrong with the code: 400 `otp_invalid`."""
        return services.verify(body["email"], body["otp"])

    @endpoint("POST", "/reset-password", may="reset", body=ResetBody, answer=UserOut, tokenless=True)
    def reset_password(self, _actor: Actor, body: dict[str, Any]) -> Any:
        """Set a new password by a mailed code; every session ends. A wrong code: 400 `otp_invalid`."""
        return services.reset_password(body["email"], body["otp"], body["password"])


def _with(allowance: limits.Allowance | None, value: Any) -> Answer:
    return Answer(value, headers=allowance.headers() if allowance else {})


def _token(body: dict[str, Any]) -> str:
    token = bearer_token() or body.get("refresh_token")
    if not token:
        raise Unauthorized
    return str(token)
