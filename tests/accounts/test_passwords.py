import fcntl
import os
import sys
import threading
import time

import pytest

from sheda.accounts import passwords
from sheda.core.errors import InvalidInput, Unavailable


class TestChoice:
    @pytest.mark.parametrize("password", ["12345678", "PASSWORD1", " qwerty123 ", "Iloveyou", "chelsea123"])
    def test_the_most_common_ones_are_refused_whatever_their_case(self, password):
        with pytest.raises(InvalidInput):
            passwords.check_choice(password, "ada@example.com")

    def test_the_refusal_names_the_field_it_was_asked_for(self):
        with pytest.raises(InvalidInput) as refused:
            passwords.check_choice("short", "ada@example.com", field="new_password")
        assert refused.value.errors[0]["field"] == "new_password"


class TestFits:
    def test_a_stored_password_fits_itself_only(self, app, db_session):
        stored = passwords.hash_password("a lovely long one")
        assert passwords.fits(stored, "a lovely long one")
        assert not passwords.fits(stored, "another one")

    @pytest.mark.parametrize("stored", [None, "", "no hash at all"])
    def test_nothing_fits_where_nothing_usable_is_stored(self, app, db_session, stored):
        assert not passwords.fits(stored, "nobody has this password")

    def test_two_hashes_of_one_password_differ(self, app, db_session):
        assert passwords.hash_password("a lovely long one") != passwords.hash_password("a lovely long one")

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a priority of its own")
    def test_hashing_gives_way_to_those_who_answer_requests(self, app, db_session, monkeypatch):
        seen = []
        monkeypatch.setattr(passwords, "check_password_hash", lambda *_: seen.append(os.nice(0)) or True)
        passwords.fits("stored", "password")
        assert seen == [min(19, os.nice(0) + passwords.HASHING_NICE)]

    def test_no_two_processes_hash_at_once(self, app, db_session, monkeypatch):
        seen = []
        monkeypatch.setattr(passwords.fcntl, "lockf", lambda _file, how: seen.append(how))
        monkeypatch.setattr(passwords, "check_password_hash", lambda *_: seen.append("hash") or True)
        passwords.fits("stored", "password")
        assert seen == [fcntl.LOCK_EX, "hash", fcntl.LOCK_UN]


class TestTurns:
    def test_as_many_are_checked_at_once_as_the_setting_says(self, app, monkeypatch):
        monkeypatch.setitem(app.config, "HASHES_AT_ONCE", 2)
        inside, most, guard, two = 0, 0, threading.Lock(), threading.Barrier(2, timeout=20)

        def check():
            nonlocal inside, most
            with app.app_context(), passwords.one_at_a_time():
                with guard:
                    inside, most = inside + 1, max(most, inside + 1)
                two.wait()
                time.sleep(0.02)
                with guard:
                    inside -= 1

        threads = [threading.Thread(target=check) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == 2

    def test_who_waits_too_long_is_told_to_come_again(self, app, db_session, monkeypatch):
        monkeypatch.setattr(passwords, "LONGEST_WAIT", 0.01)
        with passwords.one_at_a_time(), pytest.raises(Unavailable), passwords.one_at_a_time():
            pytest.fail("a second turn was given")

    def test_who_comes_behind_a_long_line_is_told_at_once(self, app, db_session, monkeypatch):
        monkeypatch.setitem(app.config, "HASHES_WAITING", 0)
        began = time.monotonic()
        with passwords.one_at_a_time(), pytest.raises(Unavailable) as refused, passwords.one_at_a_time():
            pytest.fail("a second turn was given")
        assert refused.value.headers["Retry-After"] == "1"
        assert time.monotonic() - began < passwords.LONGEST_WAIT / 2
