"""What programs need from the kernel, read at run time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dyetrace.datapath.linux.btf import drop_arguments, drop_reason_name, drop_reason_names
from dyetrace.datapath.linux.errors import NamespaceVanished, ObjectsMissing
from dyetrace.datapath.linux.netns import netns_number, run_in
from dyetrace.datapath.linux.objects import Objects
from dyetrace.datapath.linux.programs import Programs
from dyetrace.datapath.linux.symbols import Symbols
from dyetrace.model.packet import ColorMap
from dyetrace.model.record import Point
from support.nobody import AS_NOBODY

ROOT = Path(__file__).resolve().parents[2]


def test_the_layout_is_what_dye_h_says() -> None:
    done = subprocess.run(
        ["make", "-C", ROOT / "bpf", "check-layout"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_stale_layout_is_noticed(tmp_path: Path) -> None:
    stale = tmp_path / "layout.py"
    stale.write_text("HEAD_BYTES = 1\n")
    script, build = ROOT / "bpf/layout.py", ROOT / "bpf/build/contract.o"

    done = subprocess.run(
        [sys.executable, script, "--check", build, ROOT / "bpf/dye.h", stale],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "stale" in done.stderr


def test_drop_reasons_are_known_by_name() -> None:
    names = drop_reason_names()

    assert {"NETFILTER_DROP", "NO_SOCKET", "NOT_SPECIFIED"} <= set(names.values())
    assert "SKB_NOT_DROPPED_YET" not in names.values()


def test_a_reason_that_is_not_listed_still_has_a_name() -> None:
    assert drop_reason_name(2 << 16 | 7, {}) == "REASON_2_7"
    assert drop_reason_name(0, {}) == "NOT_SPECIFIED"


def test_the_tracepoint_tells_a_reason_on_this_kernel() -> None:
    assert drop_arguments() in {2, 3, 4}


def test_addresses_are_named_by_the_function_they_lie_in(tmp_path: Path) -> None:
    listing = tmp_path / "kallsyms"
    listing.write_text(
        "ffffffff81000100 T second\n"
        "ffffffff81000000 t first\n"
        "ffffffff81000050 D data\n"
        "0000000000000000 T hidden\n"
        "ffffffffc0000000 t third\t[module]\n"
    )
    symbols = Symbols(listing)

    assert symbols.name(0xFFFFFFFF81000000) == "first"
    assert symbols.locate(0xFFFFFFFF810000FF) == "first+0xff"
    assert symbols.locate(0xFFFFFFFF81000101) == "second+0x1"
    assert symbols.name(0xFFFFFFFFC0000010) == "third"
    assert symbols.name(0xFFFF000000000000) == ""


def test_missing_objects_are_reported_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ObjectsMissing, match="make -C bpf"):
        Objects(ring_bytes=4096, directory=tmp_path).open_maps("color")


def test_without_privileges_it_says_what_is_needed() -> None:
    code = (
        "from dyetrace.datapath.linux.programs import *\n"
        "from dyetrace.datapath.linux.errors import NotPermitted\n"
        "try: Programs(colors=ColorMap())\n"
        "except NotPermitted as error: print(error)\n"
    )
    done = subprocess.run(
        [*AS_NOBODY, sys.executable, "-c", code], check=False, capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]},
    )  # fmt: skip

    assert "run as root" in done.stdout, done.stderr


def test_a_variant_is_loaded_once() -> None:
    with Programs(colors=ColorMap()) as programs:
        assert programs.color_program() == programs.color_program()
        assert programs.color_program() != programs.color_program(has_link_layer=False)


def test_what_was_preloaded_is_what_gets_attached() -> None:
    with Programs(colors=ColorMap()) as programs:
        programs.preload()
        loaded = descriptors()

        programs.color_program()
        programs.drop_program()
        programs.hop_program(Point.INGRESS)
        programs.hop_program(Point.EGRESS, restore=True)

        assert descriptors() == loaded


def test_closing_twice_is_harmless_and_leaves_no_descriptor() -> None:
    before = descriptors()
    programs = Programs(colors=ColorMap())
    programs.color_program()

    programs.close()
    programs.close()

    assert descriptors() == before


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_only_the_thread_of_a_visit_changes_its_namespace() -> None:
    here = netns_number()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_in("/proc/self/ns/net", fail)
    with pytest.raises(NamespaceVanished):
        run_in("/run/netns/long-gone", netns_number)
    assert netns_number() == here
