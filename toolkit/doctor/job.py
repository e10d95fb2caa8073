"""Run every check."""

from toolkit.doctor import checks, hardware
from toolkit.doctor.result import DoctorResult
from toolkit.observer import SILENT, Observer
from toolkit.runtime.cuda import installed_runtimes
from toolkit.runtime.library import available_providers, built_for_cuda, preload_libraries


def run(observer: Observer = SILENT) -> DoctorResult:
    """Diagnose the installation on this machine.

    Args:
        observer: told when something takes time.
    """
    findings = [*checks.versions(), *checks.misfits(), *checks.runtimes()]
    if installed_runtimes():
        observer.step("Starting each execution provider")
        preload_libraries()
        available, cuda = available_providers(), built_for_cuda()
        findings += checks.providers(available, cuda)
        findings += checks.cuda_files(available, cuda)
    findings += [*hardware.processor(), *hardware.threads(), *checks.telemetry()]
    return DoctorResult(findings=tuple(findings))
