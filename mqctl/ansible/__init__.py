"""Ansible, called as a program: its command line, its events, its outcome. Never imported by mqctl."""
