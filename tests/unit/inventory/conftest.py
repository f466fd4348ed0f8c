from __future__ import annotations

from mqctl.inventory import VaultOptions, vault


def vault_value(name: str, text: str, options: VaultOptions) -> str:
    """A YAML line with an inline vault value."""
    body = "\n".join(f"  {line}" for line in vault.encrypt(text, options).splitlines())
    return f"{name}: !vault |\n{body}\n"
