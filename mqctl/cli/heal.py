"""`mqctl heal`: puts right what an interrupted failover test left broken."""

from __future__ import annotations

from pathlib import Path

from mqctl.cli.options import LAST_INVENTORY, VAULT
from mqctl.cli.say import say


def heal(inventory: str = LAST_INVENTORY, vault_password_file: Path = VAULT) -> None:
    """Heal what an interrupted failover test left broken, and wait until every gate passes."""
    from mqctl.cli.interruption import interruptible
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import failover_test as workflow

    topology = workflow.load(inventory, vault_password_file, yes=True)
    with interruptible():
        healed = workflow.heal_all(topology, VaultOptions(vault_password_file))
    for what in healed:
        say(f"healed {what}")
    if not healed:
        say("nothing is broken by a failover test")
