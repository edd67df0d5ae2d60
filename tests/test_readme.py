"""The README is true: its requests are sent as they stand there, and its files exist."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.factories import make_bank_account, make_user

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


class TestFirstRequests:
    def test_the_story_by_curl_ends_with_a_contract(self, base_url: str, live_db: Any, tmp_path: Path) -> None:
        from sheda.core.actor import Role

        agent = make_user(Role.AGENT, email="agent@sheda.example", password="the demo's password")
        make_bank_account(agent)
        story = re.search(r"```bash\n(.*?)```", README, re.DOTALL)
        assert story
        env = {**os.environ, "API": base_url, "SHEDA_DEMO_PASSWORD": "the demo's password"}
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", story[1]],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        said = ran.stdout.splitlines()
        assert said[-2:] == ["active", "rented"]
        assert said[1:3] == ["confirmed", "completed"]
        assert (tmp_path / "contract.pdf").read_bytes().startswith(b"%PDF")


class TestLinks:
    def test_everything_it_points_to_is_there(self) -> None:
        targets = re.findall(r"\]\(([^)#]+)\)", README)
        assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []
