"""Where scenarios of a link play: two sites, clients across it or beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from mqctl.faults import targets
from mqctl.faults.site_links import SiteLink
from mqctl.model.links import Parameter
from mqctl.model.scenario import Target
from mqctl.model.topology import Topology
from mqctl.model.workload import PREFIX, Account
from mqctl.workflows.management import management
from mqctl.workflows.stage import Stage
from mqctl.workload.api import Api
from mqctl.workload.watch import Watch

Across = Literal["across-a-link", "beside-a-link"]


@dataclass
class LinkStage(Stage):
    """All sites under test; gates speak for all of them, limits for the downstream site."""

    link: SiteLink = field(kw_only=True)
    clients: Across = field(kw_only=True)

    @cached_property
    def account(self) -> Account:
        """Who publishes: at the upstream site's entrance when the clients are across the link."""
        return self._upstream.account if self.clients == "across-a-link" else self._downstream.account

    @property
    def reader(self) -> Account:
        """Who consumes: at the downstream site."""
        return self._downstream.account

    @property
    def home(self) -> Topology:
        """The downstream site."""
        return self.link.downstream

    @cached_property
    def accounts(self) -> Mapping[str, Account]:
        """Both ends have the queues."""
        return {**self._upstream.accounts, **self._downstream.accounts}

    @property
    def apart(self) -> Mapping[str, str]:
        """Sites are clusters."""
        return {}

    @cached_property
    def policies(self) -> Mapping[str, Mapping[str, str | int]]:
        """The downstream site's queues are federated, and else as its own policies say; none for a shovel."""
        if self.link.shovel:
            return {}
        found = [
            policy
            for policy in self.home.objects.policies
            if policy.vhost == "/" and policy.apply_to != "exchanges" and re.search(policy.pattern, PREFIX)
        ]
        own = max(found, key=lambda policy: policy.priority).definition if found else {}
        kept = {key: value for key, value in own.items() if not key.startswith("federation-")}
        return {self.home.cluster_name: {**kept, "federation-upstream": self.link.name}}

    @property
    def shovels(self) -> Mapping[str, Parameter]:
        """The cluster that declares a shovel runs others for the run's queues."""
        return {self.link.declared.cluster_name: self.link.shovel} if self.link.shovel else {}

    def find(self, target: Target, queue: str) -> targets.Rounds:
        """The upstream site as one group."""
        if target == "upstream-site":
            return (self.link.upstream.site.hosts,)
        return super().find(target, queue)

    def watch(self, watch: Watch, queues: Sequence[str]) -> None:
        """The downstream site's part."""
        self._downstream.watch(watch, queues)

    def api(self) -> Api:
        """The downstream site's."""
        return management(self.home)

    @cached_property
    def _upstream(self) -> Stage:
        return site_stage(self, self.link.upstream)

    @cached_property
    def _downstream(self) -> Stage:
        return site_stage(self, self.link.downstream)


def site_stage(whole: Stage, site: Topology) -> Stage:
    """One site of a stage, by the same connections."""
    return Stage(
        topology=site,
        run=whole.run,
        histories=whole.histories,
        hosts=whole.hosts,
        watchers=whole.watchers,
        vault=whole.vault,
        leftovers=whole.leftovers,
    )


def link_stage(whole: Stage, link: SiteLink, clients: Across) -> LinkStage:
    """A link of a stage, by the same connections."""
    return LinkStage(
        topology=whole.topology,
        run=whole.run,
        histories=whole.histories,
        hosts=whole.hosts,
        watchers=whole.watchers,
        vault=whole.vault,
        leftovers=whole.leftovers,
        link=link,
        clients=clients,
    )
