"""Declared broker objects against what the cluster exported."""

from __future__ import annotations

from mqctl.plan.objects.outcome import ObjectPlan, plan_objects

__all__ = ["ObjectPlan", "plan_objects"]
