"""PAdES on the PDF: made at signing where the site wants it, stamped where it has a clock, and proved."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path

import pytest

from teleread.signing import pades
from teleread.workstation.exports import export_report, verify_named
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import World

if os.environ.get("TELEREAD_REQUIRE_PEERS") != "1":  # where every peer has to be there, a missing one fails
    pytest.importorskip("pyhanko", reason="the extra `pades` is not installed: its tests did NOT run")
    pytest.importorskip("typst", reason="the extra `pdf` is not installed: its tests did NOT run")
pytestmark = pytest.mark.filterwarnings("ignore")  # pyHanko's own

SIGNED = {"pdf_signature": True, "dicom_signature": False}


def signed_page(world: World, folder: Path) -> Path:
    report = world.signed(world.task(cases.context()))
    out = folder / "report.pdf"
    export_report(world.core, report.report_id, "pdf", str(out))
    return out


def test_the_page_is_signed_and_read_by_pyhankos_own_validator(tmp_path: Path) -> None:
    reader = import_module("pyhanko.pdf_utils.reader").PdfFileReader
    validate = import_module("pyhanko.sign.validation").validate_pdf_signature
    context = import_module("pyhanko_certvalidator").ValidationContext
    world = World(tmp_path, documents=SIGNED)
    out = signed_page(world, tmp_path)
    current = world.vault.signing_keys.current()
    assert current is not None
    with out.open("rb") as file:
        (found,) = reader(file).embedded_signatures
        anchor = import_module("asn1crypto.x509").Certificate.load(current.certificate)
        told = validate(found, context(trust_roots=[anchor]))
        assert told.bottom_line
        assert found.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    verdict = verify_named(world.core, str(out))
    assert (verdict.valid, verdict.trust) == (True, "own")
    world.desk.close()


def test_without_the_switch_the_page_carries_the_signed_bytes_alone(world: World, tmp_path: Path) -> None:
    out = signed_page(world, tmp_path)
    assert b"ETSI.CAdES.detached" not in out.read_bytes()
    assert verify_named(world.core, str(out)).valid


def test_one_flipped_bit_anywhere_breaks_the_signed_page(tmp_path: Path) -> None:
    world = World(tmp_path, documents=SIGNED)
    out = signed_page(world, tmp_path)
    data, dice = out.read_bytes(), random.Random(3)
    page = data.index(b"%%EOF") + 5
    places = [dice.randrange(len(data)) for _ in range(10)]
    places += [dice.randrange(page, len(data)) for _ in range(50)]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << dice.randrange(8)
        out.write_bytes(changed)
        assert not verify_named(world.core, str(out)).valid, place
    world.desk.close()


def test_where_pyhanko_is_missing_the_report_is_signed_and_the_page_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, documents=SIGNED)
    out = signed_page(world, tmp_path)
    monkeypatch.setattr(pades, "installed", lambda: False)
    verdict = verify_named(world.core, str(out))
    assert not verdict.valid
    assert "teleread[pades]" in verdict.why
    report = world.signed(world.task(cases.context("task-2")))
    assert world.vault.reports.seals(report.report_id, 1) == {}
    world.desk.close()


# -- a time stamp authority of our own, by openssl ----------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tsa")
    config = f"""
[req]
distinguished_name = dn
x509_extensions = tsa
prompt = no
[dn]
CN = Time of a site
[tsa]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa1]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""
    (folder / "tsa.cnf").write_text(config, "utf-8")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -config tsa.cnf"
    command = ["openssl", *words.split(), "-keyout", "tsa.key", "-out", "tsa.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "serial").write_text("01", "ascii")
    return folder


@pytest.fixture
def stamping(authority: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            (authority / "asked.tsq").write_bytes(body)
            words = "ts -reply -queryfile asked.tsq -config tsa.cnf -section tsa1 -out told.tsr"
            subprocess.run(["openssl", *words.split()], cwd=authority, check=True, capture_output=True)
            told = (authority / "told.tsr").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tsa"
    server.shutdown()
    server.server_close()
    thread.join()


def proved(world: World, out: Path) -> str:
    from teleread.documents import pdf

    report = world.vault.reports.list()[0]
    current = world.vault.signing_keys.current()
    assert current is not None
    return pades.prove(out.read_bytes(), pdf.render(report), current.certificate)


def test_a_sites_time_stamp_stands_in_the_signature(tmp_path: Path, stamping: str) -> None:
    world = World(tmp_path, documents=SIGNED, tsa=stamping)
    out = signed_page(world, tmp_path)
    assert proved(world, out).endswith("Z")
    assert verify_named(world.core, str(out)).valid
    world.desk.close()


def test_an_authority_that_is_away_costs_the_time_stamp_not_the_signature(tmp_path: Path) -> None:
    world = World(tmp_path, documents=SIGNED, tsa="http://127.0.0.1:9/tsa")
    out = signed_page(world, tmp_path)
    assert proved(world, out) == ""
    assert verify_named(world.core, str(out)).valid
    world.desk.close()
