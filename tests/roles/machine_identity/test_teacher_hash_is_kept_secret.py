"""The hash of the teacher's password reaches the module, and nothing that Ansible says or keeps."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.on_target import ROLES

SECRET = "SecretHash" * 8


def test_ansible_says_nothing_of_it(tmp_path: Path) -> None:
    hashed = tmp_path / "teacher"
    hashed.write_text(f"$6$abcdefgh${SECRET}\n")
    role = {
        "role": "machine_identity",
        "machine_identity_disk": {"serial": "X", "size_bytes": 1},
        "machine_identity_token_sha256": "aa",
        "machine_identity_hostname": "pc",
        "machine_identity_asset_tag": "NS-1",
        "machine_identity_authorized_key": "ssh-ed25519 AAAA station",
        "machine_identity_teacher_password_file": str(hashed),
    }
    play = {"hosts": "localhost", "gather_facts": False, "connection": "local", "roles": [role]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    python = f"ansible_python_interpreter={sys.executable}"
    done = subprocess.run(
        [program, "-vvvv", "-i", "localhost,", "-e", python, tmp_path / "play.yml"],
        env={**os.environ, "ANSIBLE_ROLES_PATH": str(ROLES), "ANSIBLE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    # The module ran with it, and refused: this is no live environment.
    assert "not in the live environment" in done.stdout
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in done.stdout
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path != hashed]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in done.stdout + done.stderr
