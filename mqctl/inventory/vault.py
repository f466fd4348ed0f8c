"""Ansible vault, through the `ansible-vault` program: values go in and out over pipes only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mqctl.errors import UsageError
from mqctl.process import Result, run

HEADER = "$ANSIBLE_VAULT"
QUIET = {
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_FORCE_COLOR": "0",
    "ANSIBLE_VERBOSITY": "0",
    "ANSIBLE_DEBUG": "0",
    "ANSIBLE_LOG_PATH": os.devnull,
    "LC_ALL": "C.UTF-8",
}
"""For programs that print data: the user's own settings must not mix prose into it, nor log its secrets."""
_TIMEOUT = 60.0
_NO_PASSWORD_HINT = "give --vault-password-file FILE, or set ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105


@dataclass(frozen=True)
class VaultOptions:
    """Where the vault password comes from; without a file Ansible's own settings decide."""

    password_file: Path | None = None

    def argv(self) -> tuple[str, ...]:
        """The options for Ansible's programs."""
        if self.password_file is None:
            return ()
        return ("--vault-password-file", str(self.password_file.expanduser().absolute()))

    def check(self) -> None:
        """UsageError when the password file does not exist."""
        if self.password_file is not None and not self.password_file.expanduser().is_file():
            raise UsageError(f"no vault password file {self.password_file}", "give an existing file")


def decrypt(ciphertext: str, vault: VaultOptions) -> str:
    """The plain text of a vault text; UsageError when the password is missing or wrong."""
    return _vault("decrypt", ciphertext, vault)


def encrypt(plaintext: str, vault: VaultOptions) -> str:
    """A vault text; UsageError when there is no password."""
    return _vault("encrypt", plaintext, vault)


def decrypt_all(ciphertexts: Iterable[str], vault: VaultOptions) -> dict[str, str | UsageError]:
    """Each distinct vault text with its plain text, or with what kept it from being read."""
    distinct = list(dict.fromkeys(ciphertexts))
    if not distinct:
        return {}
    with ThreadPoolExecutor(max_workers=min(8, len(distinct))) as pool:
        return dict(zip(distinct, pool.map(lambda text: _try(text, vault), distinct), strict=True))


def _try(ciphertext: str, vault: VaultOptions) -> str | UsageError:
    try:
        return decrypt(ciphertext, vault)
    except UsageError as error:
        return error


def _vault(action: str, text: str, vault: VaultOptions) -> str:
    vault.check()
    result = run(
        ("ansible-vault", action, *vault.argv(), "--output", "-"),
        stdin=text,
        env=QUIET,
        timeout=_TIMEOUT,
    )
    if result.returncode != 0:
        raise refused(result)
    return result.stdout


def refused(result: Result) -> UsageError:
    """Ansible's complaint about the vault in our words; the program's own text may quote the data."""
    said = result.stderr
    if "no vault secrets found" in said or "assword:" in said:
        return UsageError("the inventory has vault values and no vault password was given", _NO_PASSWORD_HINT)
    if "Decryption failed" in said or "no vault secrets were found that could decrypt" in said:
        return UsageError(
            "the vault password does not open the vault", "give the password file of this vault"
        )
    return UsageError("ansible-vault could not read the vault", _NO_PASSWORD_HINT)
