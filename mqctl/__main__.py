"""`python -m mqctl`: what site.yml calls when no plan was given to it."""

from mqctl.cli import main

main()
