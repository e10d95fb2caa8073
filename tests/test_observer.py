from toolkit.observer import EachNoticeOnce, SilentObserver


class Recorder(SilentObserver):
    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, text: str) -> None:
        self.told.append(f"step {text}")

    def notice(self, text: str) -> None:
        self.told.append(f"notice {text}")


def test_no_notice_is_passed_on_twice_and_everything_else_is() -> None:
    recorder = Recorder()
    observer = EachNoticeOnce(recorder)
    for _ in range(2):
        observer.step("a")
        observer.notice("a")
        observer.notice("b")
        observer.progress(1, 2)
        observer.line("x")
    assert recorder.told == ["step a", "notice a", "notice b", "step a"]
