"""Description of the machine and of the versions of the libraries."""

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
from threadpoolctl import threadpool_info

from benchmarks.peers import PEERS


def processor() -> str:
    """Return the name of the processor, if the system tells."""
    source = Path("/proc/cpuinfo")
    lines = source.read_text(encoding="utf-8").splitlines() if source.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def machine(names: list[str]) -> dict[str, Any]:
    """Return the machine, the versions of Python and of the named libraries, and the kernels of BLAS."""
    keys = ("internal_api", "version", "architecture")
    pools = {
        f"{' '.join(str(pool[what]) for what in keys if what in pool)}, {pool['num_threads']} threads"
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


def sentence(about: dict[str, Any]) -> str:
    """Return the description of the machine as a sentence."""
    libraries = [f"{name} {version}" for name, version in about["libraries"].items()]
    parts = [f"Python {about['python']}", *libraries, *about["pools"]]
    return f"{about['cores']} cores of {about['processor']}, {about['system']}, {about['date']}; {'; '.join(parts)}."
