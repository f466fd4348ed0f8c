"""What all tests share: how hypothesis tries things."""

from hypothesis import settings

# How long one example takes is a matter of the machine and its other work; pytest-timeout ends what hangs.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")
