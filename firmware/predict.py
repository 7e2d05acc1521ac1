# SPDX-License-Identifier: EUPL-1.2
"""What `predict` runs in the root of the tools: the registers of the TPM of a machine that has
started an image, as JSON; of PCR 4 and PCR 7 with the events that its firmware measures.

  predict.py --version V --loader FILE --image FILE --pcr11 HEX --variables FILE|FOLDER

By the TCG PC Client Platform Firmware Profile, 2.3.4 and 3.3.4; the digest of a program is its
Authenticode hash, that of a variable is over UEFI_VARIABLE_DATA, below.
"""
import argparse
import hashlib
import json
import logging
import pathlib
import struct
import sys

import pefile
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import pkcs7
from virt.firmware.efi import guids, siglist
from virt.firmware.varstore.autodetect import open_varstore
from virt.firmware.varstore.linux import LinuxVarStore
from virt.peutils.pesign import pe_authenticode_hash, pe_type2_signatures

SEPARATOR = bytes(4)
STARTS = b"Calling EFI Application from Boot Option"
# In the order in which they are measured.
POLICY = {"SecureBoot": guids.EfiGlobalVariable, "PK": guids.EfiGlobalVariable,
          "KEK": guids.EfiGlobalVariable, "db": guids.EfiImageSecurityDatabase,
          "dbx": guids.EfiImageSecurityDatabase}
# What decides each register: the image of the release, the boot loader on the disk of the machine,
# the keys that are enrolled, or what else the firmware of the machine does.
DECIDED = {"4": ["loader", "image", "firmware"], "7": ["keys", "firmware"], "11": ["image"],
           "12": ["image"]}


def event(kind, what, digest):
    return {"type": kind, "of": what, "digest": digest.hex()}


def sha256(octets):
    return hashlib.sha256(octets).digest()


def variable(kind, name, data):
    """UEFI_VARIABLE_DATA: whose, how long the name and the value are, both of them."""
    text = name.encode("utf-16-le")
    owner = guids.parse_str(POLICY[name]).bytes_le
    return event(kind, name, sha256(owner + struct.pack("<QQ", len(name), len(data)) + text + data))


def extended(events):
    value = bytes(32)
    for one in events:
        value = sha256(value + bytes.fromhex(one["digest"]))
    return value.hex()


def enrolled(path):
    """The variables of a machine, by name."""
    store = LinuxVarStore(path) if path.is_dir() else open_varstore(path)
    if store is None:
        sys.exit(f"{path}: neither variables of a virtual machine nor a folder of efivarfs")
    return {str(name): one.data for name, one in store.get_varlist().items()
            if str(one.guid) == POLICY.get(str(name))}


def vouches(certificate, holder):
    """Is it this certificate, or has its key issued it?"""
    if certificate == holder:
        return True
    try:
        certificate.verify_directly_issued_by(holder)
        return True
    except (ValueError, TypeError, InvalidSignature):
        return False


def authority(image, database):
    """The entry of db by which the firmware lets this program start: owner and certificate."""
    signers = [one for signature in pe_type2_signatures(image)
               for one in pkcs7.load_der_pkcs7_certificates(signature)]
    for group in siglist.EfiSigDB(database):
        if group.x509 and any(vouches(one, group.x509) for one in signers):
            return group[0]["guid"].bytes_le + group[0]["data"]
    return None


def predicted(options):
    """PCR 4 and PCR 7: what the firmware measures until the image runs, and what that comes to."""
    variables = {"SecureBoot": b"\1", **enrolled(options.variables)}
    for name in ("PK", "KEK", "db"):
        if not variables.get(name):
            sys.exit(f"{name} is not enrolled: nothing would be verified")
    started = [event("EV_EFI_ACTION", STARTS.decode(), sha256(STARTS)),
               event("EV_SEPARATOR", "", sha256(SEPARATOR))]
    policy = [variable("EV_EFI_VARIABLE_DRIVER_CONFIG", name, variables.get(name, b""))
              for name in POLICY]
    policy.append(event("EV_SEPARATOR", "", sha256(SEPARATOR)))
    for name in ("loader", "image"):
        program = pefile.PE(getattr(options, name), fast_load=True)
        started.append(event("EV_EFI_BOOT_SERVICES_APPLICATION", name,
                             pe_authenticode_hash(program)))
    entry = authority(program, variables["db"])
    if entry is None:
        sys.exit("no certificate of db vouches for the image: it would not start")
    policy.append(variable("EV_EFI_VARIABLE_AUTHORITY", "db", entry))
    return {"4": {"value": extended(started), "events": started},
            "7": {"value": extended(policy), "events": policy}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--loader", "--image", "--variables"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    for name in ("--version", "--pcr11"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    logging.disable()
    pcrs = predicted(options)
    pcrs["11"] = {"value": options.pcr11}
    pcrs["12"] = {"value": bytes(32).hex()}  # nothing is added to what was signed
    print(json.dumps({"format": "sealgate-measurements 1", "version": options.version,
                      "bank": "sha256", "pcrs": {
                          number: {"decided_by": DECIDED[number], **pcr}
                          for number, pcr in pcrs.items()}}, indent=1))


if __name__ == "__main__":
    main()
