"""The whole story over HTTP, with a real worker and real mail: from registration to the second letting of a home."""

import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from PIL import Image

from sheda.core import clock
from tests.journeys.people import Person, code_in, text_of, wait_for_mail

HOME = {
    "title": "Bright two-bedroom flat in Yaba",
    "description": "Close to the university, with water that runs and a gate that shuts.",
    "price": "2500000.00",
    "currency": "NGN",
    "listing_type": "rent",
    "period": "year",
    "property_type": "apartment",
    "location": "Herbert Macaulay Way, Yaba, Lagos",
    "city": "Yaba",
    "state": "Lagos",
    "bedroom": 2,
    "bathroom": 2,
    "fees": [{"kind": "agency", "amount": "250000"}, {"kind": "caution", "amount": 200000}],
}
ACCOUNT = {"bank_code": "058", "account_name": "Ngozi Okafor Homes", "account_number": "0123456785"}


def photo() -> bytes:
    """Return a photograph of a kind."""
    file = io.BytesIO()
    Image.new("RGB", (900, 600), (160, 60, 25)).save(file, "JPEG")
    return file.getvalue()


def a_viewing_time(days: int = 2, hour: int = 10) -> str:
    """Return a time within anybody's hours."""
    day = clock.today() + timedelta(days=days)
    return datetime.combine(day, time(hour), clock.LAGOS).isoformat()


def nuban(bank_code: str, serial: str) -> str:
    """Return an account number with its check digit (CBN, NUBAN)."""
    weights = (3, 7, 3, 3, 7, 3, 3, 7, 3, 3, 7, 3)
    total = sum(int(digit) * weight for digit, weight in zip(bank_code + serial, weights, strict=True))
    return serial + str((10 - total % 10) % 10)


@pytest.fixture(params=["/api/v1", ""], ids=["with the prefix", "bare"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Walk the story in both forms of its paths."""
    found: str = request.param
    return found


class Letting:
    """The steps that every story shares."""

    def __init__(self, base: str, prefix: str, mails: Any) -> None:
        self.mails = mails
        self.agent = Person(base, "ngozi@agents.example", prefix=prefix)
        self.client = Person(base, "tunde@clients.example", prefix=prefix)

    def open_shop(self, **home: Any) -> int:
        """Register both, publish a home with an account to pay into; its id."""
        self.agent.register("agent", first_name="Ngozi", last_name="Okafor", agency_name="Okafor Homes")
        self.client.register(first_name="Tunde", last_name="Bakare", phone="08035550129")
        account = {**ACCOUNT, "account_number": nuban(ACCOUNT["bank_code"], "012345678")}
        self.agent.must(201, "POST", "/users/me/bank-accounts", account)
        made = self.agent.must(201, "POST", "/properties", {**HOME, **home})
        assert made.result["listing_state"] == "published"
        found: int = made.result["id"]
        return found

    def view(self, home: int, **sent: Any) -> int:
        """Book a viewing, have it confirmed and held; its id."""
        booked = self.client.must(
            201, "POST", "/appointments", {"property_id": home, "requested_time": a_viewing_time(), **sent}
        ).result
        assert booked["status"] == "pending"
        confirmed = self.agent.must(200, "PATCH", f"/appointments/{booked['id']}/confirm", {}).result
        assert confirmed["status"] == "confirmed"
        self.agent.must(200, "PATCH", f"/appointments/{booked['id']}/complete", {})
        found: int = booked["id"]
        return found

    def pay(self, home: int, viewing: int, **sent: Any) -> dict[str, Any]:
        """Make the payment and say so; the contract that waits."""
        payment = self.client.must(201, "POST", f"/appointments/{viewing}/payments", sent).result
        assert payment["account"]["account_number"] == nuban(ACCOUNT["bank_code"], "012345678")
        said = {"amount_paid": payment["amount"], "paid_on": clock.today().isoformat(), "payer_name": "Tunde Bakare"}
        contract: dict[str, Any] = self.client.must(201, "POST", f"/contracts/{home}", said).result
        assert (contract["status"], contract["is_active"]) == ("pending", False)
        return contract


@pytest.fixture
def story(base_url: str, celery_worker: Any, mail_sink: Any, prefix: str) -> Letting:
    """Return the story, with everything around it running."""
    return Letting(base_url, prefix, mail_sink)


class TestLetting:
    def test_from_registration_to_the_second_letting(self, story: Letting, live_db: Any) -> None:
        agent, client = story.agent, story.client
        home = story.open_shop()
        self.verify(story)
        self.show_pictures(story, home)
        self.find(story, home)
        viewing = story.view(home, note="I come with my sister.")
        wait_for_mail(story.mails, agent.email, "asks to view")
        contract = story.pay(home, viewing, periods=1)
        assert client.must(200, "GET", f"/properties/{home}").result["is_under_offer"] is True
        accepted = agent.must(200, "PATCH", f"/contracts/{contract['id']}/confirm-payment", {}).result
        assert (accepted["status"], accepted["is_active"]) == ("active", True)
        assert client.must(200, "GET", f"/properties/{home}").result["status"] == "rented"
        self.papers(story, contract["id"])
        self.end(story, home, accepted)
        again = Letting(agent.base, agent.prefix, story.mails)
        again.agent, again.client = agent, Person(agent.base, "amina@clients.example", prefix=agent.prefix).register()
        second = again.pay(home, again.view(home), periods=2)
        agent.must(200, "PATCH", f"/contracts/{second['id']}/confirm-payment", {"decision": "accept"})
        shown = agent.must(200, "GET", f"/contracts/{second['id']}").result
        assert shown["status"] == "active"
        assert date.fromisoformat(shown["end_date"]).year == date.fromisoformat(shown["start_date"]).year + 2

    def verify(self, story: Letting) -> None:
        """Verify the client's address with the code from his mail."""
        code = code_in(wait_for_mail(story.mails, story.client.email, "code"))
        wrong = f"{(int(code) + 1) % 10**6:06}"
        story.client.must(400, "POST", "/auth/verify", {"email": story.client.email, "otp": wrong})
        story.client.must(200, "POST", "/auth/verify", {"email": story.client.email, "otp": code})
        assert story.client.must(200, "GET", "/users/me").result["verified"] is True

    def show_pictures(self, story: Letting, home: int) -> None:
        """Upload a picture and wait for what the worker makes of it."""
        story.agent.upload(f"/properties/{home}/images", "front.jpg", photo(), field_name="files")
        for _ in range(200):
            images = story.agent.must(200, "GET", f"/properties/{home}").result["images"]
            if images[0]["status"] == "ready":
                break
            clock_tick()
        assert images[0]["is_cover"] is True
        assert set(images[0]["urls"]) == {"thumb", "card", "full"}

    def find(self, story: Letting, home: int) -> None:
        """Find the home as the public does."""
        public = Person(story.agent.base, "", prefix=story.agent.prefix)
        found = public.must(200, "GET", "/properties?city=Yaba&max_price=3000000&min_bedrooms=2&search=flat").result
        assert [card["id"] for card in found] == [home]
        assert public.must(200, "GET", f"/properties/{home}").result["total_move_in_cost"] == "2950000.00"

    def papers(self, story: Letting, contract: int) -> None:
        """Read the receipt and the contract."""
        mail = wait_for_mail(story.mails, story.client.email, "contract")
        assert "₦2,950,000" in text_of(mail)
        names = [part.get_filename() for part in mail.iter_attachments()]
        assert any(name.endswith(".pdf") for name in names), names
        pdf = story.client.must(200, "GET", f"/contracts/{contract}/document.pdf")
        assert pdf.body.startswith(b"%PDF")

    def end(self, story: Letting, home: int, contract: dict[str, Any]) -> None:
        """Let the daily job end the contract, twice, as of the day after its end."""
        from sheda.contracts.jobs import expire_due

        end = date.fromisoformat(contract["end_date"])
        with clock.travel(datetime.combine(end, time(2), UTC)):
            assert expire_due()["expired"] == 1
            assert expire_due()["expired"] == 0
        assert story.client.must(200, "GET", f"/contracts/{contract['id']}").result["status"] == "expired"
        shown = Person(story.agent.base, "", prefix=story.agent.prefix).must(200, "GET", f"/properties/{home}").result
        assert (shown["status"], shown["is_under_offer"]) == ("available", False)


def clock_tick() -> None:
    """Wait a little for the worker."""
    import time as real

    real.sleep(0.1)
