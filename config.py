"""Every setting of Sheda, from the environment, with its default. No logic here; `sheda/app.py` is the only reader."""

import os
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent
env = os.environ.get

# ── Where things are ─────────────────────────────────────────────────────────────────────────────────────────────────
STATE_DIR = env("SHEDA_STATE_DIR", str(ROOT / "var"))  # embedded servers, media, mail and keys
SQLALCHEMY_DATABASE_URI = env("DATABASE_URL", "")  # PostgreSQL 15 or newer; run.py sets it for the embedded server
REDIS_URL = env("REDIS_URL", "")  # any Redis-protocol server; run.py sets it for the embedded one
SMTP_URL = env("SMTP_URL", "")  # smtp://user:password@host:587?starttls or smtps://…; empty: files in <state>/mail
MEDIA_URL = env("MEDIA_URL", "file:")  # file: in the state directory, or s3://bucket?endpoint=…
PUBLIC_URL = env("PUBLIC_URL", "http://127.0.0.1:8000")  # where people reach Sheda; every link in a mail begins with it
ENVIRONMENT = env("SHEDA_ENV", "development")  # development or production; production refuses unsafe settings

# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────
SECRET_KEY = env("SECRET_KEY", "")  # signs cookies and codes; run.py makes one for the embedded default
JWT_SECRET_KEY = env("JWT_SECRET_KEY", "")  # signs tokens; must differ from SECRET_KEY
SECRET_KEY_FALLBACKS = [
    key for key in env("SECRET_KEY_FALLBACKS", "").split(",") if key
] or None  # older ones, read still
METRICS_TOKEN = env("METRICS_TOKEN", "")  # bearer token for /metrics from other machines; empty: loopback only

# ── The web ──────────────────────────────────────────────────────────────────────────────────────────────────────────
TRUSTED_HOSTS = [
    host for host in env("TRUSTED_HOSTS", "").split(",") if host
] or None  # Host headers answered; empty: any
TRUSTED_PROXIES = int(env("TRUSTED_PROXIES", "0"))  # reverse proxies in front whose X-Forwarded-* headers are believed
CORS_ORIGINS = [origin for origin in env("CORS_ORIGINS", "").split(",") if origin]  # exact origins of browser apps
MAX_CONTENT_LENGTH = 64 * 1024 * 1024  # bytes of one request: five photos of 12 MB and their form
MAX_FORM_MEMORY_SIZE = 1024 * 1024  # bytes of a form without its files
MAX_FORM_PARTS = 100  # parts of one multipart body
SESSION_COOKIE_NAME = "sheda"  # the admin UI's cookie
SESSION_COOKIE_HTTPONLY = True  # no script reads it
SESSION_COOKIE_SAMESITE = "Lax"  # not sent with other sites' posts
SESSION_COOKIE_SECURE = PUBLIC_URL.startswith("https:")  # only over TLS where there is TLS
PERMANENT_SESSION_LIFETIME = timedelta(hours=8)  # a working day
WTF_CSRF_TIME_LIMIT = 8 * 3600  # seconds a form stays valid: as long as the session
PREFERRED_URL_SCHEME = PUBLIC_URL.partition(":")[0]  # of links made outside requests

# ── Database ─────────────────────────────────────────────────────────────────────────────────────────────────────────
SQLALCHEMY_ENGINE_OPTIONS = {
    "pool_size": int(env("DB_POOL_SIZE", "8")),  # connections kept by each process
    "max_overflow": int(env("DB_POOL_OVERFLOW", "4")),  # and a few more at a rush
    "connect_args": {  # a page is one process's work: starting a second takes longer, and takes it from others
        "connect_timeout": 5,
        "options": "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=60s -c max_parallel_workers_per_gather=0",
    },
}

# ── Flask-AppBuilder ─────────────────────────────────────────────────────────────────────────────────────────────────
APP_NAME = "Sheda"  # in titles and OpenAPI
AUTH_TYPE = 1  # accounts in the database
FAB_CREATE_DB = False  # tables come from migrations
FAB_UPDATE_PERMS = False  # permissions come from `flask sheda sync-roles`
FAB_ADD_SECURITY_VIEWS = False  # our own pages for users and roles, our own sign-in
FAB_ADD_SECURITY_API = False  # its login is unlimited; ours is /auth
FAB_SECURITY_MANAGER_CLASS = "sheda.accounts.security.SecurityManager"  # cheap permissions, our sessions
FAB_BASE_TEMPLATE = "admin/base.html"  # our shell around every page
FAB_INDEX_VIEW = "sheda.workplace.views.HomeView"  # the decision inbox
FAB_ADD_MENU_API = False  # the menu is drawn by our shell
FAB_ADD_OPENAPI_VIEWS = False  # our own document and page: open in development, for staff in production
FAB_API_MAX_PAGE_SIZE = 100  # rows of a generated list
FAB_OPENAPI_SERVERS = [{"url": "/"}]  # relative: never from the Host header
FAB_SAFE_REDIRECT_HOSTS = [""]  # `next=` stays on this site
FAB_PASSWORD_HASH_METHOD = env("PASSWORD_HASH", "scrypt:32768:8:1")  # about 100 ms of a core
BABEL_DEFAULT_LOCALE = "en"  # the language of pages and mails
BABEL_DEFAULT_FOLDER = "translations"  # where other languages live
LANGUAGES = {
    "en": {"flag": "ng", "name": "English"},
    "fr": {"flag": "fr", "name": "Français"},
    "ha": {"flag": "ng", "name": "Hausa"},
    "yo": {"flag": "ng", "name": "Yorùbá"},
    "ig": {"flag": "ng", "name": "Igbo"},
}  # languages offered; their words are in sheda/translations

# ── Sign-in ──────────────────────────────────────────────────────────────────────────────────────────────────────────
JWT_ALGORITHM = "HS256"  # the only one made
JWT_DECODE_ALGORITHMS = ["HS256"]  # and the only one believed
JWT_ENCODE_ISSUER = JWT_DECODE_ISSUER = "sheda"  # tokens of other systems with the same key are none of ours
JWT_ENCODE_AUDIENCE = JWT_DECODE_AUDIENCE = "sheda-api"  # nor are our tokens for other purposes
JWT_ACCESS_TOKEN_EXPIRES = timedelta(minutes=15)  # an access token's life
JWT_REFRESH_TOKEN_EXPIRES = timedelta(days=14)  # a refresh token's life
REQUIRE_VERIFIED_EMAIL = (
    env("REQUIRE_VERIFIED_EMAIL", "false") == "true"
)  # refuse sign-in before the address is verified
CODE_LIFE = timedelta(minutes=10)  # a one-time code's life, from its sending
CODE_TRIES = 5  # tries at one code
REQUIRE_TOTP_FOR_STAFF = (
    env("REQUIRE_TOTP_FOR_STAFF", "true" if ENVIRONMENT == "production" else "false") == "true"
)  # staff and admins sign in with two steps; whoever has not set it up is led there first
TOTP_CHALLENGE_LIFE = timedelta(minutes=5)  # from the password to the code
CODE_PAUSE = timedelta(seconds=60)  # between two codes for one person and purpose
CODES_PER_HOUR = 5  # codes to one address
HASHES_AT_ONCE = int(env("HASHES_AT_ONCE", "1"))  # password checks one process does at a time
HASHES_WAITING = int(env("HASHES_WAITING", "11"))  # and how many more may wait, each in one of its 16 threads

# ── Limits (requests per window; off with RATELIMIT_ENABLED=false) ──────────────────────────────────────────────────
RATELIMIT_ENABLED = env("RATELIMIT_ENABLED", "true") != "false"  # off only for tests and benchmarks
RATELIMIT_STORAGE_URI = "memory://"  # of the framework's own limiter, which limits nothing here
RATE_LOGIN = "10 per 5 minutes"  # failed sign-ins, per account and per address, on both doors
RATE_REGISTER = "30 per hour"  # registrations, per address
RATE_OTP = "20 per hour"  # one-time codes asked for, per address
RATE_CHAT = "30 per minute"  # messages, per sender
MOST_SOCKETS = 20  # connections of one person that a machine holds: tabs and phones
RATE_ANONYMOUS = "600 per minute"  # reads without a token, per address
RATE_TOKEN = "1200 per minute"  # requests with a token, per person

# ── The cache ────────────────────────────────────────────────────────────────────────────────────────────────────────
SHELF_SECONDS = float(env("SHELF_SECONDS", "2"))  # life of public answers in Redis, ended by any write; 0: none

# ── The market ───────────────────────────────────────────────────────────────────────────────────────────────────────
CURRENCIES = env("CURRENCIES", "NGN,USD,GBP,EUR").split(",")  # currencies of listings; never added to each other
PUBLISH_NEW_LISTINGS = (
    env("PUBLISH_NEW_LISTINGS", "true") == "true"
)  # show a new listing at once, or keep it as a draft
VIEWS_EVERY = float(env("VIEWS_EVERY", "60"))  # seconds for which each web process gathers views before it writes them
MOST_IMAGES = 20  # pictures of one listing
IMAGE_BYTES = 12 * 1024 * 1024  # bytes of one picture
IMAGE_PIXELS = 50_000_000  # pixels of one picture
MOST_SAVED_SEARCHES = 50  # saved searches of one person
ALERT_HOUR = 7  # in Lagos: when daily alerts leave, and on Mondays weekly ones
VERIFY_WITHIN = timedelta(days=3)  # from an agent's sending his papers to the office's decision
STALE_AFTER = timedelta(days=45)  # an unchanged listing's agent is asked whether it is still available
PROOF_BYTES = 10 * 1024 * 1024  # bytes of one proof of payment

# ── Viewings ─────────────────────────────────────────────────────────────────────────────────────────────────────────
BOOKING_NOTICE = timedelta(hours=2)  # earliest a viewing can begin
BOOKING_HORIZON = timedelta(days=60)  # latest it can begin
BOOKING_GRID_MINUTES = 15  # starts of free slots
ANSWER_WITHIN = timedelta(hours=24)  # a request lapses after this
ANSWER_BEFORE = timedelta(hours=1)  # or this long before its start, whichever is earlier
OPEN_VIEWINGS = 5  # open viewings of one client
NO_SHOW_AFTER = timedelta(minutes=15)  # after the start
COMPLETE_AFTER = timedelta(hours=24)  # after the end, a confirmed viewing counts as held
CHAT_TELL_AFTER = timedelta(minutes=10)  # a message's wait before its reader hears of it by mail
CHAT_TELL_PAUSE = timedelta(hours=1)  # between two such mails of a conversation whose reader has not come meanwhile
VIEWING_REMINDERS = (timedelta(hours=24), timedelta(hours=2))  # before the start
DEFAULT_HOURS = ("08:00", "18:00")  # every day, of an agent who has set none

# ── Payments and contracts ───────────────────────────────────────────────────────────────────────────────────────────
PAY_WITHIN = timedelta(hours=48)  # from the showing of the account to "I have made payment"
DECIDE_WITHIN = timedelta(hours=72)  # from there to the agent's decision, before staff are called
DECIDE_REMINDERS = (timedelta(hours=24), timedelta(hours=48))  # after the declaration
START_WITHIN = timedelta(days=90)  # latest agreed start of a tenancy
HOLDING_OVER = timedelta(days=7)  # expiry waits for an undecided renewal
CONTRACT_REMINDERS = (90, 60, 30, 7, 1)  # days before the end

# ── Payment gateways (a gateway without keys is not there) ──────────────────────────────────────────────────────────
PAYSTACK_SECRET_KEYS = [key for key in env("PAYSTACK_SECRET_KEYS", "").split(",") if key]  # first asks, all verify
PAYSTACK_URL = env("PAYSTACK_URL", "https://api.paystack.co")  # where it is asked
FLUTTERWAVE_SECRET_KEY = env("FLUTTERWAVE_SECRET_KEY", "")  # asks
FLUTTERWAVE_HASHES = [key for key in env("FLUTTERWAVE_HASHES", "").split(",") if key]  # verif-hash: new and old
FLUTTERWAVE_URL = env("FLUTTERWAVE_URL", "https://api.flutterwave.com")  # where it is asked
STRIPE_SECRET_KEY = env("STRIPE_SECRET_KEY", "")  # asks
STRIPE_SIGNING_SECRETS = [key for key in env("STRIPE_SIGNING_SECRETS", "").split(",") if key]  # whsec_…: new and old
STRIPE_URL = env("STRIPE_URL", "https://api.stripe.com")  # where it is asked
FAKE_GATEWAY = ENVIRONMENT == "development"  # a till without money, to be clicked through offline
CHECKOUT_RETURN_URL = env("CHECKOUT_RETURN_URL", PUBLIC_URL)  # where a gateway sends the client's browser back to
AUTO_ACCEPT_VERIFIED = env("AUTO_ACCEPT_VERIFIED", "false") == "true"  # accept what a gateway proves, without the agent

# ── Channels and webhooks ───────────────────────────────────────────────────────────────────────────────────────────
SMS_URL = env("SMS_URL", "file:")  # file: in <state>/sms, or https://… that takes a JSON post; empty: no SMS
WHATSAPP_URL = env("WHATSAPP_URL", "file:")  # the same for WhatsApp, in <state>/whatsapp
SMS_TOKEN = env("SMS_TOKEN", "")  # bearer token for SMS_URL
WHATSAPP_TOKEN = env("WHATSAPP_TOKEN", "")  # bearer token for WHATSAPP_URL
VAPID_PRIVATE_KEY = env("VAPID_PRIVATE_KEY", "")  # of Web Push; empty: made once, <state>/vapid.pem
VAPID_CONTACT = env("VAPID_CONTACT", "")  # mailto: or https: for push services; empty: the address of MAIL_FROM
MOST_PUSH_DEVICES = 20  # of one person; the oldest makes room
QUIET_HOURS = ("22:00", "07:00")  # no push, SMS or WhatsApp between, by each reader's own clock
DIGEST_HOUR = 7  # by each reader's own clock: when the daily mail leaves
HOOK_PATIENCE = timedelta(days=5)  # an endpoint that took nothing for this long is switched off
HOOK_OVERLAP = timedelta(hours=24)  # after a rotation, for which both secrets sign
HOOK_KEEP = timedelta(days=30)  # deliveries are kept for, to be looked at and sent again
MOST_HOOKS = 10  # endpoints of one person
OUTBOUND_LOCAL = (
    env("OUTBOUND_LOCAL", "false") == "true"
)  # ask plain http and private addresses too: for trying things out; production refuses

# ── Mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
MAIL_DOMAIN = env("MAIL_DOMAIN", "sheda.example")  # of Message-IDs
MAIL_FROM = env("MAIL_FROM", "Sheda <no-reply@sheda.example>")  # sender of every mail
MAILS_KEPT = timedelta(days=90)  # rows of messages after they left or were given up; no reminder's stretch is longer
NOTICES_KEPT = timedelta(days=180)  # notices after they were read; unread ones stay

# ── Workers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
CELERY = {
    "broker_url": REDIS_URL,
    "task_ignore_result": True,  # the database is the memory
    "task_serializer": "json",
    "accept_content": ["json"],  # nothing that could run code
    "task_acks_late": True,  # a killed worker's task comes back
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "task_time_limit": 60,  # seconds; below the visibility time-out, or a task would run twice at once
    "broker_transport_options": {
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 1,
        "socket_timeout": 2,
        "max_retries": 0,  # the bell is rung once, within a request: without a broker the next beat finds the same rows
    },
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # Redis may be away for as long as it likes
    "worker_hijack_root_logger": False,
    "timezone": "UTC",
    "beat_max_loop_interval": 10,
}
DAILY_JOB_HOUR = 1  # UTC hour of the daily job: two in the morning in Lagos
SWEEP_SECONDS = 10  # rhythm of the outbox

# ── Demo ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
DEMO_PASSWORD = env("SHEDA_DEMO_PASSWORD", "")  # of the demo accounts; run.py makes one when it is not set
