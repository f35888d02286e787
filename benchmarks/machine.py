"""What was measured on: the machine and the versions."""

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
from threadpoolctl import threadpool_info

from benchmarks.peers import PEERS


def processor() -> str:
    """The processor's name, as far as the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def machine(names: list[str]) -> dict[str, Any]:
    """The machine, the versions of Python and of the named libraries, and which kernels BLAS takes."""
    told = ("internal_api", "version", "architecture")
    pools = {
        f"{' '.join(str(pool[what]) for what in told if what in pool)}, {pool['num_threads']} threads"
        for pool in threadpool_info()
    }
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "cores": joblib.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": {name: PEERS[name].version() for name in names},
        "pools": sorted(pools),
    }


def sentence(found: dict[str, Any]) -> str:
    """The same in words."""
    libraries = [f"{name} {version}" for name, version in found["libraries"].items()]
    parts = [f"Python {found['python']}", *libraries, *found["pools"]]
    return f"{found['cores']} cores of {found['processor']}, {found['system']}, {found['date']}; {'; '.join(parts)}."
