"""How Nigerian agents write: titles, sentences and the words for kinds of homes."""

KINDS: dict[str, tuple[str, ...]] = {
    "apartment": ("flat", "apartment", "serviced apartment", "luxury apartment", "luxury flat"),
    "house": ("bungalow", "detached bungalow", "semi-detached bungalow", "detached house"),
    "duplex": ("terrace duplex", "semi-detached duplex", "fully detached duplex", "maisonette"),
    "shortlet": ("shortlet apartment", "serviced shortlet", "shortlet studio"),
    "shared_apartment": ("room in a shared flat", "ensuite room in a shared duplex", "room in a serviced shared flat"),
    "office": ("office space", "open-plan office floor", "serviced office suite"),
    "shop": ("shop", "lock-up shop", "shop on a busy plaza"),
    "land": ("plot of land", "dry land", "corner piece plot", "estate plot"),
}

ONE_BEDROOM = ("mini flat", "room and parlour self-contain")

QUALITIES = (
    "Newly built",
    "Tastefully finished",
    "Clean and spacious",
    "Well maintained",
    "Brand new",
    "Decent",
    "Executive",
    "Lovely",
    "Exquisite",
    "Neat",
    "Luxury",
    "Upgraded",
)

EXTRAS = (
    "with BQ",
    "all rooms ensuite",
    "in a gated estate",
    "off the main road",
    "with fitted kitchen",
    "with ample parking",
    "in a secured compound",
    "with swimming pool",
    "in a serene environment",
    "by the expressway",
    "with balcony",
    "with 24 hours light",
)

OPENINGS = (
    "Fresh on the market and ready to move in.",
    "A home you will be proud to bring your family to.",
    "Direct brief, the landlord lives abroad and wants a responsible tenant.",
    "Just two tenants in the compound, and both are quiet.",
    "Few minutes' drive to the main road, with good access even in the rains.",
    "Finished to a high standard by a reputable builder.",
    "Sharp and sweet deal for the right client.",
    "One of the neatest on this street.",
)

ROOMS = (
    "All rooms are ensuite, with a visitor's toilet.",
    "Spacious sitting room and dining, a store and a good-sized kitchen.",
    "POP ceiling throughout, with tiles in every room.",
    "Fitted wardrobes in the bedrooms and cabinets in the kitchen.",
    "The kitchen comes with cooker, hood and granite worktop.",
    "Every room has a window on two sides, so it stays airy in the heat.",
    "The balcony looks over the street, a good place for the evening breeze.",
)

SERVICES = (
    "Prepaid meter per flat, so nobody pays for another man's light.",
    "Clean treated water from the borehole, day and night.",
    "Twenty-four hours security with CCTV at the gate.",
    "The estate has a central generator and steady light on band A.",
    "Inverter with solar panels installed last year.",
    "Interlocked compound with parking for four cars.",
    "Waste is collected twice a week, and the drainage is covered.",
    "The access road is tarred up to the gate.",
)

NEARBY = (
    "Close to schools, markets and the bus stop.",
    "Five minutes' walk to a supermarket and a pharmacy.",
    "Near a church, a mosque and a good primary school.",
    "Short drive to the airport road and the business district.",
    "Trekking distance to the university gate.",
    "Easy to get bus, keke and ride-hailing at any hour.",
)

CLOSINGS = (
    "Serious clients only, please. Book a viewing in the app.",
    "No agent to agent. Inspection by appointment.",
    "Preferably a working-class tenant or a small family.",
    "Price is slightly negotiable for a client who is ready.",
    "Corporate tenants are welcome; a company cheque is not a problem.",
    "First to see, first to pay. Viewings every day but Sunday morning.",
)

TITLES = (
    "The title is a Certificate of Occupancy, free from government acquisition.",
    "Governor's consent in place; documents are open to verification.",
    "Registered survey and deed of assignment are available.",
    "Global C of O for the estate, with instant allocation.",
    "Family receipt, deed and survey plan; you may do your search.",
)

LAND = (
    "Dry, table-flat land that needs no sand-filling.",
    "Fenced and gated, with the beacons in place.",
    "A developing neighbourhood: neighbours are already building.",
    "Good for a home now or to hold for later; prices here move every quarter.",
    "Tarred access and electricity poles on the street.",
)

STREETS = (
    "Adéníran Ajao Street",
    "Unity Close",
    "Freedom Way",
    "Palm Avenue",
    "Bishop Street",
    "Herbert Macaulay Way",
    "Station Road",
    "Ziks Avenue",
    "Ahmadu Bello Way",
    "Church Street",
    "Market Road",
    "Emir's Close",
    "Harmony Crescent",
    "Hospital Road",
    "Peace Estate Road",
    "Awolowo Road",
    "Airport Road",
    "College Road",
)

MESSAGES = (
    "Good afternoon. Please is this still available?",
    "Good day. Yes, it is available. When would you like to come and see it?",
    "Saturday morning would be fine. What is the total package?",
    "It is rent plus agency, agreement and caution. Everything is in the listing.",
    "Is the light on prepaid, and does water run every day?",
    "Prepaid, and the borehole has never failed. You will like it.",
    "Okay, I have booked for Saturday. Please send me the landmark.",
    "Just after the filling station, black gate on your left. Call me when you are close.",
    "Can the landlord do something on the price?",
    "He is a reasonable man. See it first, then we talk.",
)
