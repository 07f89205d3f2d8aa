"""Whether a system fits on its machine, from what the machine said."""

from __future__ import annotations

from pyhomelab.nix.room import BootFiles, Outlook, Prospect, Space, Units, Wanted, prospect

MIB = 1 << 20
KERNEL, INITRD = "/nix/store/k-linux-6.18/bzImage", "/nix/store/i-initrd-linux-6.18/initrd"
FEWER = "`nix-env --profile /nix/var/nix/profiles/system --delete-generations +3` there, as root, makes room"


def files(*numbers: int) -> frozenset[str]:
    return frozenset(f"linux-{number}" for number in numbers)


def boots(free: int, files: dict[str, int], generations: dict[int, frozenset[str]], *listed: int) -> BootFiles:
    """The boot partition of a machine with systemd-boot."""
    return BootFiles("/boot", free, files, generations, frozenset(listed), tidies_first=True)


def seen(boot: BootFiles | None = None, *, lacks: tuple[str, ...] = (), free: int = 1 << 40) -> Prospect:
    wanted = Wanted("new", {"a": 100 * MIB, "b": 1}, {KERNEL: 10 * MIB, INITRD: 30 * MIB})
    return prospect(wanted, Outlook(frozenset(lacks), {"a": 100 * MIB}, free, boot))


def test_the_store_needs_what_is_missing_and_a_little_more() -> None:
    assert seen(lacks=("a", "never-asked-for")).spaces == (Space("/nix/store", 105 * MIB, 1 << 40),)
    assert seen().spaces[0].needed == 0


def test_a_system_that_fits_exactly_is_no_shortage() -> None:
    assert seen(lacks=("a",), free=105 * MIB).shortages == ()
    assert seen(lacks=("a",), free=105 * MIB - 1).shortages == (
        "needs 105MiB in /nix/store, has 105MiB; `nix-collect-garbage` there, as root, makes room",
    )


def test_a_kernel_and_an_initrd_that_are_new_need_room_where_the_others_are() -> None:
    boot = boots(40 * MIB, {"linux-1": 10 * MIB}, {1: files(1)})
    assert seen(boot).spaces[1] == Space("/boot", 48 * MIB, 40 * MIB)
    assert seen(boot).shortages == (f"needs 48MiB in /boot, has 40MiB; {FEWER}",)


def test_what_is_on_the_boot_partition_already_needs_no_room() -> None:
    present = {"k-linux-6.18-bzImage": 10 * MIB}
    assert seen(boots(0, present, {1: frozenset(present)})).spaces[1].needed == 36 * MIB


def test_files_of_generations_that_are_gone_count_as_free() -> None:
    assert boots(0, {"linux-1": 5, "linux-2": 7}, {2: files(2)}).obsolete == 5
    assert boots(0, {"linux-1": 5, "linux-2": 7}, {1: files(1), 2: files(2)}, 1, 2).obsolete == 0


def test_a_boot_loader_that_tidies_up_at_its_end_frees_nothing_before() -> None:
    assert BootFiles("/boot", 0, {"linux-1": 5}, {}).obsolete == 0


def test_a_boot_menu_that_is_full_drops_its_oldest_entry() -> None:
    kept = {number: files(number) for number in (1, 2, 3)}
    there = {"linux-2": 7, "linux-3": 11}
    assert boots(0, there, kept, 2, 3).obsolete == 7
    shared = {1: files(1), 2: files(2), 3: files(2, 3)}
    assert boots(0, there, shared, 2, 3).obsolete == 0


def test_without_a_place_for_kernels_only_the_store_counts() -> None:
    assert [space.place for space in seen().spaces] == ["/nix/store"]


def test_what_a_machine_could_not_say_is_not_made_up() -> None:
    told = prospect(Wanted("new", {"a": 5}), Outlook(frozenset({"a"}), {}, 1 << 30))
    assert (told.packages, told.old_size, told.new_size, told.copied, told.paths) == ((), 0, 5, 5, 1)
    assert told.units is None
    assert prospect(Wanted("new", {}), Outlook(frozenset(), {}, 0, None, Units(starts=("a",)))).units == Units(
        starts=("a",)
    )
