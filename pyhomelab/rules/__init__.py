"""What can only be judged with the whole lab in view. Each rule is a pure generator of mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.rules import (
    addresses,
    checks,
    cluster_networks,
    clusters,
    datasets,
    disks,
    firewall_words,
    guests,
    identities,
    links,
    names,
    networks,
    nodes,
    placing,
    replication,
    room,
    routes,
    secrets,
    storage,
    volumes,
)
from pyhomelab.rules.scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyhomelab.errors import Mistake
    from pyhomelab.model import Inventory

__all__ = ["EVERYTHING", "RULES", "Scope", "judge"]

RULES: tuple[Callable[[Scope], Iterator[Mistake]], ...] = (
    names.machines_have_names_of_their_own,
    names.networks_are_not_called_like_interfaces,
    firewall_words.interfaces_are_not_words_of_the_firewall,
    names.admins_are_named_once,
    secrets.secrets_have_names_of_their_own,
    secrets.readers_of_secrets_are_machines,
    networks.networks_are_usable,
    networks.networks_lie_apart,
    networks.clusters_stay_out_of_networks,
    links.links_name_networks_that_exist,
    links.tags_are_those_of_networks,
    links.bonds_own_their_cards,
    links.cards_are_called_like_cards,
    links.interfaces_have_names_of_their_own,
    links.networks_reach_a_host_once,
    addresses.addresses_have_a_network,
    addresses.addresses_fit_their_network,
    addresses.addresses_are_given_once,
    routes.machines_can_be_reached,
    routes.machines_have_one_default_route,
    identities.macs_are_given_once,
    identities.host_ids_are_given_once,
    identities.router_ids_are_given_once,
    storage.disks_serve_one_purpose,
    storage.pools_have_disks,
    storage.vdevs_have_enough_disks,
    storage.vdevs_of_a_pool_are_alike,
    storage.special_vdevs_are_redundant,
    storage.pools_are_not_called_like_the_root_pool,
    storage.pools_have_short_names,
    datasets.properties_have_one_place,
    datasets.datasets_are_mounted_apart,
    datasets.snapshots_are_kept,
    datasets.reservations_fit_quotas,
    datasets.datasets_are_not_disks,
    replication.replicas_go_to_another_host,
    replication.replicas_have_snapshots,
    replication.replicas_have_a_network,
    replication.replicas_have_places_of_their_own,
    replication.replicas_lie_below_a_parent,
    replication.replicas_are_sent_once,
    volumes.volumes_have_replicas,
    volumes.volumes_name_hosts_that_hold_them,
    volumes.witnesses_break_ties,
    volumes.volumes_know_who_may_write,
    volumes.old_drbd_is_asked_for_what_it_can,
    volumes.two_writers_wait_for_each_other,
    volumes.volumes_have_numbers_of_their_own,
    guests.guests_have_a_host_that_runs_guests,
    guests.guests_are_in_networks_that_their_host_bridges,
    guests.guests_are_smaller_than_their_host,
    guests.guests_take_hugepages_that_exist,
    guests.hugepages_are_whole,
    guests.devices_have_one_guest,
    guests.hypervisors_know_their_processor,
    guests.firmware_exists,
    guests.hypervisors_are_pcs,
    guests.groups_are_kept_apart,
    guests.guests_anywhere_can_move,
    placing.guests_anywhere_have_a_place,
    disks.guests_have_disks,
    disks.disks_have_letters,
    disks.disks_are_of_one_kind,
    disks.zvols_lie_in_pools_of_the_host,
    disks.volumes_have_one_guest,
    disks.disks_lie_apart,
    disks.disks_hold_their_swap,
    clusters.members_are_machines,
    clusters.members_are_in_one_place,
    clusters.servers_can_vote,
    clusters.servers_do_not_fall_together,
    clusters.labels_and_taints_are_of_members,
    cluster_networks.cluster_networks_exist,
    cluster_networks.members_are_in_the_network,
    cluster_networks.ranges_suit_the_cluster,
    cluster_networks.ranges_are_of_one_family,
    nodes.servers_have_what_they_need,
    nodes.kubeadm_runs_without_swap,
    nodes.components_are_those_of_k3s,
    nodes.pod_networks_can_be_made,
    nodes.flags_say_what_no_key_says,
    nodes.labels_are_those_of_owners,
    checks.checks_ask_one_thing,
    checks.only_pages_have_a_status,
    room.hosts_promise_what_they_have,
    room.reserves_are_possible,
)


def judge(inventory: Inventory, broken: frozenset[tuple[str, str]] = frozenset()) -> list[Mistake]:
    """Find all mistakes that lie between the parts of an inventory.

    `broken` are the entries, such as ("hosts", "dl1"), that could not be read and were left out of
    `inventory`; ("guests", EVERYTHING) stands for a whole section.
    """
    scope = Scope(inventory, broken)
    return [mistake for rule in RULES for mistake in rule(scope)]
