"""The register: each room's APIs and pages, its jobs, and in one table who reacts to which news."""

from datetime import timedelta
from functools import partial
from types import ModuleType
from typing import Any

from sheda.accounts import access as accounts_rows
from sheda.accounts import jobs as accounts_jobs
from sheda.accounts.api import AuthApi
from sheda.accounts.events import AccountClosing, PasswordChanged, SessionEnded, TwoFactorChanged, UserRegistered
from sheda.accounts.security_pages import SecurityView
from sheda.accounts.views import RoleView, SignIn, UserView
from sheda.appointments import access as appointments_rows
from sheda.appointments import hours as appointments_hours
from sheda.appointments import jobs as appointments_jobs
from sheda.appointments import services as appointments
from sheda.appointments.api import (
    AgentSlotsApi,
    AppointmentApi,
    AvailabilityApi,
    AvailabilityExceptionApi,
    CalendarApi,
    CalendarFeedApi,
)
from sheda.appointments.events import (
    AppointmentBooked,
    AppointmentCanceled,
    AppointmentCompleted,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentMissed,
    AppointmentRejected,
)
from sheda.appointments.feed_pages import CalendarLinkView
from sheda.appointments.views import AppointmentView, ExceptionView, HoursView
from sheda.chat import access as chat_rows
from sheda.chat import jobs as chat_jobs
from sheda.chat import replies as chat_replies
from sheda.chat import services as chat
from sheda.chat.api import ChatApi, QuickReplyApi
from sheda.chat.events import (
    MessageReported,
    MessageSent,
    MessagesRead,
    MessagesWait,
    ReportDismissed,
    ReportResolved,
    SenderWarned,
)
from sheda.chat.models import Block, Message, QuickReply, Report
from sheda.chat.reply_pages import QuickReplyView
from sheda.chat.report_pages import ReportView
from sheda.chat.views import ChatView
from sheda.contracts import access as contracts_rows
from sheda.contracts import jobs as contracts_jobs
from sheda.contracts import services as contracts
from sheda.contracts.api import ContractsApi
from sheda.contracts.events import ContractBegan, ContractEnded, NoticeGiven, RenewalProposed
from sheda.contracts.models import Contract
from sheda.contracts.views import ContractView
from sheda.core import desk, docs, health, health_pages, outbox
from sheda.core.beside import soon
from sheda.core.events import Event, Reaction
from sheda.core.jobs import Job, job
from sheda.core.unsubscribing import UnsubscribeApi
from sheda.hooks import access as hooks_rows
from sheda.hooks import jobs as hooks_jobs
from sheda.hooks import reactions as hooks
from sheda.hooks.views import HookDeliveryView, HookView
from sheda.live import access as live_rows
from sheda.live import jobs as live_jobs
from sheda.live import services as live
from sheda.live.api import DescriptionApi, EventsApi, SocketApi, TicketApi
from sheda.live.views import LiveView
from sheda.notifications import access as notifications_rows
from sheda.notifications import carriers as _carriers  # noqa: F401 - what mails and pushes carry is registered by its import
from sheda.notifications import jobs as notifications_jobs
from sheda.notifications import reactions as notices
from sheda.notifications import report_reactions as report_notices
from sheda.notifications.api import NotificationApi, PushDeviceApi
from sheda.notifications.models import Notification
from sheda.notifications.preference_pages import PreferenceView
from sheda.notifications.preview_pages import MessagePreviewView
from sheda.notifications.views import NoticeView
from sheda.payments import access as payments_rows
from sheda.payments import jobs as payments_jobs
from sheda.payments import services as payments
from sheda.payments.api import AppointmentPaymentsApi, FilesApi, PaymentsApi, WebhooksApi
from sheda.payments.events import (
    GatewayFlagged,
    PaymentAccepted,
    PaymentCanceled,
    PaymentChanging,
    PaymentDeclared,
    PaymentDeclined,
    PaymentEscalated,
    PaymentExpired,
    PaymentInitiated,
    PaymentRefunded,
    PaymentSuperseded,
    PaymentVerified,
)
from sheda.payments.fake_pages import FakeCheckoutView
from sheda.payments.models import Payment
from sheda.payments.views import PaymentView, WebhookEventView
from sheda.profiles import access as profiles_rows
from sheda.profiles import services as profiles
from sheda.profiles.api import BankAccountApi, MeApi, VerificationApi
from sheda.profiles.events import (
    BankAccountChanged,
    ExportAsked,
    ProfileShown,
    VerificationDecided,
    VerificationSubmitted,
    WeekGiven,
)
from sheda.profiles.export import section
from sheda.profiles.verification_pages import MyVerificationView, VerificationView
from sheda.profiles.views import BankAccountView
from sheda.properties import access as properties_rows
from sheda.properties import jobs as properties_jobs
from sheda.properties import services as properties
from sheda.properties.api import AgentApi, PropertyApi, PropertyImageApi
from sheda.properties.events import (
    ImagesAccepted,
    PriceLowered,
    PropertyArchived,
    PropertyLet,
    PropertyPaused,
    PropertyPublished,
    PropertyReturned,
    PropertySold,
    TermsChanging,
)
from sheda.properties.models import Property
from sheda.properties.views import PropertyView
from sheda.shortlists import access as shortlists_rows
from sheda.shortlists import jobs as shortlists_jobs
from sheda.shortlists import services as shortlists
from sheda.shortlists.api import FavouriteApi, FavouritesApi, SavedSearchApi
from sheda.shortlists.models import Favourite, SavedSearch
from sheda.workplace.calendar_pages import CalendarView
from sheda.workplace.search_pages import SearchView
from sheda.workplace.views import DealView

ROW_RULES: tuple[ModuleType, ...] = (
    accounts_rows,
    profiles_rows,
    properties_rows,
    shortlists_rows,
    appointments_rows,
    payments_rows,
    contracts_rows,
    chat_rows,
    notifications_rows,
    live_rows,
    hooks_rows,
)
"""Each room's row rules, named here so that they are loaded: without its rule a model is shown to nobody."""

APIS: tuple[type[Any], ...] = (
    health.LiveApi,
    health.ReadyApi,
    health.MetricsApi,
    docs.DocumentApi,
    DescriptionApi,
    UnsubscribeApi,
    AuthApi,
    TicketApi,
    SocketApi,
    EventsApi,
    MeApi,
    BankAccountApi,
    VerificationApi,
    PropertyApi,
    PropertyImageApi,
    AgentApi,
    FavouriteApi,
    FavouritesApi,
    SavedSearchApi,
    AppointmentApi,
    AgentSlotsApi,
    AvailabilityApi,
    AvailabilityExceptionApi,
    CalendarFeedApi,
    CalendarApi,
    AppointmentPaymentsApi,
    PaymentsApi,
    FilesApi,
    WebhooksApi,
    ContractsApi,
    ChatApi,
    QuickReplyApi,
    NotificationApi,
    PushDeviceApi,
)

VIEWS: tuple[tuple[type[Any], str, str, str], ...] = (
    (docs.SwaggerView, "", "", ""),
    (SignIn, "", "", ""),
    (FakeCheckoutView, "", "", ""),
    (SearchView, "", "", ""),
    (LiveView, "", "", ""),
    (NoticeView, "", "", ""),
    (PreferenceView, "", "", ""),
    (PropertyView, "Listings", "", "listing"),
    (CalendarView, "Calendar", "", "calendar"),
    (ChatView, "Inbox", "", "chat"),
    (DealView, "Deals", "", "deal"),
    (AppointmentView, "Viewings", "Records", "eye"),
    (PaymentView, "Payments", "Records", "money"),
    (ContractView, "Contracts", "Records", "doc"),
    (QuickReplyView, "Quick replies", "Records", "chat"),
    (HoursView, "Weekly hours", "Hours", "clock"),
    (ExceptionView, "Days off", "Hours", "calendar"),
    (CalendarLinkView, "Calendar link", "Hours", "calendar"),
    (BankAccountView, "Bank accounts", "Money", "bank"),
    (MyVerificationView, "Verification", "Account", "check"),
    (SecurityView, "Security", "Account", "lock"),
    (ReportView, "Reports", "Desk", "flag"),
    (UserView, "People", "Desk", "people"),
    (VerificationView, "Verifications", "Desk", "check"),
    (RoleView, "Roles", "Desk", "lock"),
    (HookView, "Webhooks", "Desk", "send"),
    (HookDeliveryView, "Webhook deliveries", "Desk", "send"),
    (MessagePreviewView, "Message templates", "Desk", "mail"),
    (desk.OutboxView, "Outbox", "Desk", "mail"),
    (WebhookEventView, "Gateway events", "Desk", "bank"),
    (health_pages.HealthView, "Health", "Desk", "info"),
    (desk.JobRunView, "Jobs", "Desk", "gear"),
    (desk.HistoryView, "History", "Desk", "clock"),
)
"""Each page's class, its name in the menu (none: not in it), the menu's heading over it, and its icon."""

REACTIONS: dict[type[Event], tuple[Reaction, ...]] = {
    AccountClosing: (
        payments.keep_account,
        contracts.keep_account,
        properties.archive_listings,
        shortlists.forget_person,
        chat.forget_person,
        appointments.cancel_for_closing,
        hooks.account_closing,
        notices.account_closing,
    ),
    AppointmentBooked: (notices.viewing_booked, live.ring, hooks.viewing_booked),
    AppointmentCanceled: (payments.close_with_viewing, notices.viewing_canceled, live.ring, hooks.moved),
    AppointmentCompleted: (hooks.moved,),
    AppointmentConfirmed: (notices.viewing_confirmed, live.ring, hooks.moved),
    AppointmentExpired: (notices.viewing_expired, live.ring, hooks.moved),
    AppointmentMissed: (payments.close_with_viewing, live.ring, hooks.moved),
    AppointmentRejected: (notices.viewing_rejected, live.ring, hooks.moved),
    BankAccountChanged: (notices.bank_account_changed,),
    ContractBegan: (hooks.moved,),
    ContractEnded: (notices.contract_ended, hooks.moved),
    ExportAsked: (
        appointments_hours.export,
        section("properties", Property, "agent_id"),
        section("favourites", Favourite, "user_id"),
        section("saved_searches", SavedSearch, "user_id"),
        section("payments", Payment, "client_id", "agent_id", without=("account", "bank_account_id")),
        section("contracts", Contract, "client_id", "agent_id"),
        section("messages", Message, "sender_id", "receiver_id"),
        section("blocked_people", Block, "blocker_id"),
        section("reports", Report, "reporter_id"),
        section("quick_replies", QuickReply, "user_id"),
        section("notifications", Notification, "user_id"),
    ),
    GatewayFlagged: (notices.gateway_flagged, hooks.gateway_flagged),
    ImagesAccepted: (properties_jobs.render_soon,),
    MessageReported: (report_notices.message_reported,),
    MessageSent: (live.ring,),
    MessagesRead: (live.ring,),
    MessagesWait: (notices.messages_waiting,),
    NoticeGiven: (notices.notice_given, live.ring, hooks.moved),
    PasswordChanged: (notices.password_changed,),
    PaymentAccepted: (contracts.begin, notices.payment_accepted, live.ring, hooks.moved),
    PaymentCanceled: (contracts.call_off_pending, notices.payment_canceled, live.ring, hooks.moved),
    PaymentChanging: (contracts.hold_before,),
    PaymentDeclared: (contracts.draw_up, notices.payment_declared, live.ring, hooks.moved),
    PaymentDeclined: (contracts.call_off_pending, notices.payment_declined, live.ring, hooks.moved),
    PaymentEscalated: (notices.payment_escalated, live.ring, hooks.moved),
    PaymentExpired: (hooks.moved,),
    PaymentRefunded: (notices.payment_refunded, live.ring, hooks.moved),
    PaymentInitiated: (notices.payment_initiated, live.ring, hooks.moved),
    PaymentSuperseded: (contracts.call_off_pending, notices.payment_superseded, live.ring, hooks.moved),
    PaymentVerified: (contracts.draw_up, notices.payment_declared, live.ring, hooks.moved),
    PriceLowered: (shortlists.note_lower_price, hooks.price_lowered),
    ProfileShown: (appointments_hours.show_week,),
    PropertyArchived: (payments.keep_terms, contracts.keep_terms, appointments.cancel_for_archived, hooks.moved),
    PropertyLet: (hooks.moved,),
    PropertyPaused: (hooks.moved,),
    PropertyPublished: (shortlists.note_shown, hooks.moved),
    PropertyReturned: (shortlists.note_shown, notices.property_returned, hooks.moved),
    PropertySold: (hooks.moved,),
    RenewalProposed: (notices.renewal_proposed, live.ring, hooks.moved),
    ReportDismissed: (report_notices.report_dismissed,),
    ReportResolved: (report_notices.report_resolved,),
    SenderWarned: (report_notices.sender_warned,),
    SessionEnded: (live.ring,),
    TermsChanging: (payments.keep_terms, contracts.keep_terms),
    TwoFactorChanged: (notices.two_factor_changed,),
    UserRegistered: (profiles.create_profile, chat_replies.give),
    VerificationDecided: (notices.verification_decided,),
    VerificationSubmitted: (notices.verification_submitted,),
    WeekGiven: (appointments_hours.give_week,),
}


@job("outbox.deliver", every=timedelta(seconds=10))
def deliver() -> dict[str, int]:
    """Send what is due, and leave the worker's sign of life."""
    health.beat()
    return outbox.deliver_due()


@job("outbox.signal", every=timedelta(seconds=10))
def signal() -> dict[str, int]:
    """Send what is due to people's devices: a push service that is slow holds up no mail."""
    return outbox.deliver_due(signals=True)


JOBS: tuple[Job, ...] = (
    deliver,
    signal,
    accounts_jobs.tidy,
    appointments_jobs.complete_due,
    appointments_jobs.expire_due,
    chat_jobs.tell,
    chat_jobs.tidy,
    contracts_jobs.catch_up,
    contracts_jobs.expire_due,
    live_jobs.forget,
    hooks_jobs.deliver,
    hooks_jobs.forget,
    notifications_jobs.forget_old,
    notifications_jobs.remind_of_contracts,
    notifications_jobs.remind_of_decisions,
    notifications_jobs.remind_of_viewings,
    notifications_jobs.send_digests,
    payments_jobs.escalate_due,
    payments_jobs.expire_due,
    payments_jobs.process_webhooks,
    properties_jobs.clear_staging,
    properties_jobs.forget_views,
    properties_jobs.render_images,
    shortlists_jobs.alert,
)

RINGS = partial(soon, deliver.ring), partial(soon, signal.ring)
"""What wakes a worker after a commit that wrote mail, or messages to devices."""


def register(appbuilder: Any) -> None:
    """Register every room's APIs and pages."""
    for api in APIS:
        appbuilder.add_api(api)
    for view, name, category, icon in VIEWS:
        if name:
            appbuilder.add_view(view, name, category=category, icon=icon)
        else:
            appbuilder.add_view_no_menu(view)
