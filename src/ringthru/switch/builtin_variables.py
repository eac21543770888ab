"""The global variables that exist without any configuration, under FreeSWITCH's names.

Lives here: which there are, and those about the gateway. Never here: reading the files that use them.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from ..net.surroundings import Surroundings
from ..portmap import MapperSnapshot
from .words import random_uuid

MACHINE_ID: Final = Path("/etc/machine-id")
NAT_VARIABLES: Final = frozenset({"nat_public_addr", "nat_private_addr", "nat_type"})
BELOW_STATE: Final = ("recordings", "storage", "cache")  # folders of what the switch writes
BESIDE_CONF: Final = ("sounds", "htdocs", "script", "grammar", "mod")  # of what it reads


def serial(machine_id: Path, hostname: str) -> str:
    """Twelve hexadecimal digits that tell this machine from others, the same at every start.

    They tell nobody the machine's own identifier: systemd asks that it be kept from networks.
    """
    try:
        name = machine_id.read_text()
    except (OSError, UnicodeDecodeError):
        name = hostname
    return sha256(f"switch_serial {name.strip()}".encode()).hexdigest()[:12]


def machine_variables(here: Surroundings, address6: str) -> dict[str, str]:
    """Who and where we are; ``core_uuid`` is another one each time."""
    hostname = socket.gethostname()
    return {
        "hostname": hostname,
        "switchname": hostname,
        "core_uuid": random_uuid(),
        "switch_serial": serial(MACHINE_ID, hostname),
        "local_ip_v4": here.address,
        "local_ip_v6": address6,
        "local_mask_v4": str(here.network.netmask),
        "zrtp_enabled": "false",
    }


def folder_variables(
    conf: Path, state: Path, log: Path | None, run: Path | None, told: Mapping[str, Path] | None = None
) -> dict[str, str]:
    """``conf_dir``, ``db_dir`` and the others; that one is named does not mean that it exists.

    ``told`` are those of the command line.
    """
    told = told or {}
    sounds = told.get("sounds_dir", conf.parent / "sounds")
    return {
        "conf_dir": str(conf),
        "certs_dir": str(conf / "tls"),
        "base_dir": str(conf.parent),
        "db_dir": str(state),
        "log_dir": str(log or state / "log"),
        "run_dir": str(run or state),
        "temp_dir": "/tmp",
        "sound_prefix": str(sounds / "en" / "us" / "callie"),
        **{f"{name}_dir": str(state / name) for name in BELOW_STATE},
        **{f"{name}_dir": str(conf.parent / name) for name in BESIDE_CONF},
        **{name: str(folder) for name, folder in told.items()},
    }


def nat_variables(mapper: MapperSnapshot | None, private: str) -> dict[str, str]:
    """What is known of the gateway; nothing before one is found, so that they are empty text."""
    if mapper is None or mapper.type is None or not mapper.external_address:
        return {}
    return {
        "nat_public_addr": mapper.external_address,
        "nat_private_addr": private,
        "nat_type": mapper.type.nat_type,
    }
