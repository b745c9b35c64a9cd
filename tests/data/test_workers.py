import signal
import subprocess
import sys

import pytest

from unified.data.workers import deaf_children

# With the handler that a process started in the background lacks.
WAITING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); print('ready', flush=True); input()"
needs_signals = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system cannot block signals")


def _modules_after(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", script], text=True).split())


@needs_signals
def test_a_process_started_deaf_never_hears_of_ctrl_c() -> None:
    with deaf_children():
        pipe = subprocess.PIPE
        child = subprocess.Popen([sys.executable, "-c", WAITING], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate("go on\n", timeout=60)
    assert (child.returncode, errors) == (0, "")


@needs_signals
def test_this_process_hears_again_afterwards_and_gets_what_came_meanwhile() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with deaf_children():
            signal.raise_signal(signal.SIGINT)
            assert not heard
        assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_how_workers_start_is_known_before_torch() -> None:
    loaded = _modules_after("import unified.data.workers")
    assert "unified.data.workers" in loaded
    assert "torch" not in loaded


def test_a_worker_reads_no_torchvision_which_takes_as_long_as_torch() -> None:
    loaded = _modules_after("from unified.data import workers; [__import__(name) for name in workers._NEEDED[1:]]")
    assert "torch" in loaded
    assert "torchvision" not in loaded
