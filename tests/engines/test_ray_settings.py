"""What can be said of a cluster without Ray."""

from typing import Any

from toolkit.engines.ray_settings import too_small_for


def machine(cpu: float | None, *, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": {} if cpu is None else {"CPU": cpu}}


def test_a_worker_that_no_machine_can_ever_hold_is_told_from_one_that_waits() -> None:
    machines = [machine(2.0), machine(None), machine(8.0, alive=False)]
    assert too_small_for(2, machines) is None
    assert (
        too_small_for(4, machines)
        == "a worker of 4 threads needs as many cores, and its largest machine has 2"
    )
    assert too_small_for(1, []) is not None
