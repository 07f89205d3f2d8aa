"""The inventory as frozen types; each part's own rules stand beside it."""

from pyhomelab.model.check import DeclaredCheck
from pyhomelab.model.cluster import Cluster
from pyhomelab.model.guest import ANYWHERE, Guest, GuestDisk, GuestLink
from pyhomelab.model.host import Boot, Host, Kvm
from pyhomelab.model.inventory import Inventory
from pyhomelab.model.lab import Admin, Lab, Overcommit
from pyhomelab.model.network import Bond, Link, Net, Tagged
from pyhomelab.model.secret import OwnSecret
from pyhomelab.model.ssh import Ssh
from pyhomelab.model.volume import Volume
from pyhomelab.model.zfs import Dataset, Pool, Replication, Snapshots, SupportVdev, Vdev

__all__ = [
    "ANYWHERE",
    "Admin",
    "Bond",
    "Boot",
    "Cluster",
    "Dataset",
    "DeclaredCheck",
    "Guest",
    "GuestDisk",
    "GuestLink",
    "Host",
    "Inventory",
    "Kvm",
    "Lab",
    "Link",
    "Net",
    "Overcommit",
    "OwnSecret",
    "Pool",
    "Replication",
    "Snapshots",
    "Ssh",
    "SupportVdev",
    "Tagged",
    "Vdev",
    "Volume",
]
