"""Who people are.

Owns: Flask-AppBuilder's users with our few columns more, token families, one-time codes, and the security manager.
Promises: an address belongs to one account whatever its case; a refresh token works once; a code is nowhere after its
sending; ending a person's sessions ends tokens and cookies at once; answers never tell whether an account exists.
Emits: UserRegistered, PasswordChanged, AccountClosing.
"""
