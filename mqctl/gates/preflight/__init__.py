"""Pure judgements on hosts before anything is deployed: what `mqctl check` says."""
