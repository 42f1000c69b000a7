"""The pre-commit hook runs the gates of `scripts/test`."""

import shlex

import pytest
import yaml

from tools.check import gates
from tools.check.jobs import Job
from tools.local import ROOT


@pytest.mark.parametrize(("program", "code"), [("true", 0), ("false", 1)])
def test_the_hook_passes_or_fails_with_the_gates(monkeypatch: pytest.MonkeyPatch, program: str, code: int) -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (hook,) = repository["hooks"]
    python, option, script = shlex.split(hook["entry"])
    monkeypatch.setattr(gates, "gates", lambda: [Job("a gate", [program])])

    with pytest.raises(SystemExit) as ended:
        exec(script)  # noqa: S102  as the hook runs it

    assert (python, option) == (".venv/bin/python", "-c")
    assert int(ended.value.code or 0) == code
