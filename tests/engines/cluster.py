"""A Ray cluster of several machines on one, in a process of its own: loses a machine when told to.

Run as a script with the folder for its files, the cores of the first machine and how many others there are, of a
core each: prints the address, then takes "lose" and "end" on standard input.
"""

import os
import sys
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_health_check_period_ms"] = "500"  # noqa: SIM112 - Ray's own spelling; a lost machine is noticed soon


def main() -> None:
    folder, cores, others = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.environ["RAY_TMPDIR"] = folder  # where it notes its address, beside the rest of its files
    Path(folder, "ray").mkdir()
    from ray.cluster_utils import Cluster

    quiet = {"include_dashboard": False, "object_store_memory": 100 << 20}
    cluster = Cluster(head_node_args={"num_cpus": cores, "temp_dir": folder, **quiet}, initialize_head=True)
    machines = [cluster.add_node(num_cpus=1, **quiet) for _ in range(others)]
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() != "lose":
            break
        cluster.remove_node(machines.pop(), allow_graceful=False)
        print("lost", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
