# SPDX-License-Identifier: EUPL-1.2
"""No program of the product can skip verification: no environment, option or key says so."""
import re

from scenarios.gate import BIN, ROOT

# What programs may read from their environment or the release's file, and the journal's fields.
KNOWN = {b"SEALGATE_INSTANCE", b"SEALGATE_REMOTE", b"SEALGATE_CA", b"SEALGATE_CERT",
         b"SEALGATE_KEY", b"SEALGATE_CODE", b"SEALGATE_DOCUMENT",
         b"SEALGATE_PERSON",  # who has a command run from afar
         b"SEALGATE_FIRST",  # and who of two had asked for it before
         b"SEALGATE_LEAST",  # in os-release: the least version that may serve
         b"SEALGATE_ANSWERED",  # the folder in which admin says that who may mend it was answered
         b"SEALGATE_AFAR_S",  # for how long, at most, a configuration from afar waits for that
         b"SEALGATE_SELF_TEST"}  # the folder in which seal says how its own trial ended
WORDS = (b"skip-", b"no-verif", b"noverif", b"insecure", b"bypass", b"verify_stub", b"trust-all",
         b"accept-all", b"dry-run")
TABLES = ("gateway/common/config_keys.def", "gateway/ctl/options.def", "gateway/ctl/commands.def")


def test_no_binary_knows_a_switch():
    programs = [p for p in BIN.iterdir() if p.is_file()]
    assert len(programs) >= 9
    for program in programs:
        octets = program.read_bytes()
        assert octets.startswith(b"\x7fELF")
        assert set(re.findall(rb"SEALGATE_[A-Z_]+", octets)) <= KNOWN, program.name
        for word in WORDS:
            assert word not in octets.lower(), (program.name, word)


def test_no_table_offers_one():
    for table in TABLES:
        text = (ROOT / table).read_text().lower()
        for word in WORDS:
            assert word.decode() not in text, (table, word)


def test_the_bench_has_its_own_program():
    assert not any("stub" in p.name for p in BIN.iterdir())
