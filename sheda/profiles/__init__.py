"""What people tell about themselves.

Owns: one profile a user, polymorphic by role, pictures, and agents' bank accounts.
Promises: an account number has passed its check digit; an agent has at most one default account; a deleted person is
anonymous, and contracts stay.
Emits: BankAccountChanged. Reacts to: UserRegistered.
"""
