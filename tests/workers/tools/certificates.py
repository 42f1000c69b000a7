"""A self-signed certificate for tests."""

import subprocess
from pathlib import Path


def make_certificate(directory: Path) -> Path:
    """Return a PEM file with key and certificate for 127.0.0.1, valid for a day."""
    path = directory / "loopback.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-days", "1", "-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(path), "-out", str(directory / "cert.pem")],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + (directory / "cert.pem").read_text())
    return path
