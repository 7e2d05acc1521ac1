# SPDX-License-Identifier: EUPL-1.2
"""Simulators of what stands around the gate, owned by the tests.

Each simulator is a program (``/usr/bin/python3 -m sim.traces --help`` with
PYTHONPATH=tests) that binds a free loopback port, says ``READY <url>`` when it
listens and keeps a ledger of what it accepted: the judge of "nothing lost, nothing
delivered twice" is never the gate's own word.

  traces   TRACES NT-like SOAP 1.1 submission and look-up
  customs  customs single window over HTTPS
  tsa      RFC 3161 time-stamping authority
  pki      throw-away certificate authorities and everything they issue
  process  starts and stops the above from a test

Nothing here is part of the gate, and nothing here is fit for production.
"""
