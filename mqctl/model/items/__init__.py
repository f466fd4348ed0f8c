"""Broker objects in one form, wanted and live, so that the plan and the gates compare the same thing."""
