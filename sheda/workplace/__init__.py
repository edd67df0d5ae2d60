"""The workplace: the pages that span rooms, for agents and staff at their day's work.

Owns no table. Reads what the rooms on its left hold, always through their row rules, and changes it only through
their services: a button here is the same button as on a record's own page.

Promises: home shows what must be decided, soonest first, and figures that are counted, never kept; the calendar shows
an agent's viewings, what clients can still book, and what is blocked; a deal is one page for one client and one home,
with everything that happened between them on one time line. Every page is a fixed, small number of statements.

Emits nothing.
"""
