"""Run every check."""

from toolkit.doctor import checks, hardware
from toolkit.doctor.result import DoctorResult, Finding
from toolkit.errors import ToolkitError
from toolkit.machine.versions import installed_runtimes
from toolkit.observer import SILENT, Observer
from toolkit.runtime.library import available_providers, built_for_cuda, preload_libraries


def run(observer: Observer = SILENT) -> DoctorResult:
    """Diagnose the installation on this machine.

    Args:
        observer: told when something takes time.
    """
    findings = [*checks.versions(), *checks.misfits(), *checks.runtimes()]
    if installed_runtimes():
        observer.step("Starting each execution provider")
        findings += _started()
    findings += [*hardware.processor(), *hardware.threads(), *checks.telemetry()]
    return DoctorResult(findings=tuple(findings))


def _started() -> list[Finding]:
    try:
        preload_libraries()
        available, cuda = available_providers(), built_for_cuda()
    except ToolkitError as error:
        return [checks.unusable(error)]
    return [*checks.providers(available, cuda), *checks.cuda_files(available, cuda)]
