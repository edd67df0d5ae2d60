"""Sheda: what a property agency runs on. The map of the house.

core            the ground: transactions, errors, actors, access, states, the outbox, the edges of API and pages
accounts        who people are: sign-in, sessions, one-time codes
profiles        what they tell about themselves; agents' bank accounts
properties      listings, pictures, search
shortlists      favourites, saved searches and their alerts
appointments    agents' hours, free slots, viewings
payments        "make payment" and "I have made payment"; private files
contracts       tenancies and sales, from the accepted payment to the day they end
chat            messages between two people
notifications   what people are told, in the app and by mail, and reminders
live            what happens, told at once over WebSockets and server-sent events
workplace       the pages that span rooms: home and its figures, the calendar, deals
rooms           the register of all rooms: APIs, pages, jobs, and who reacts to which news
app, cli        the Flask app and its commands; `check` holds the invariants, `demo` makes a market to try
embedded, state_dir, processes, supervisor, worker, sockets    how it runs where nothing is installed

Each room imports `core` and the rooms above it in this list, never one below: news travels down as events.
"""
