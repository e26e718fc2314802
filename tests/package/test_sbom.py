#!/usr/bin/env python3
"""test_sbom.py SOURCE BUILD: the SBOM is SPDX JSON, and names every library that the programs ask for."""
import json
import re
import subprocess
import sys

source, build = sys.argv[1:]
files = [f"{build}/bin/roostd", f"{build}/bin/roost", f"{build}/lib/libroost.so"]
failed = False


def claim(words, ok):
    global failed
    print("ok     " if ok else "FAILED ", words)
    failed = failed or not ok


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


text = run(f"{source}/tools/package/sbom", *files)
document = json.loads(text)
packages = {p["name"]: p for p in document["packages"]}
version = re.search(r"^project\(roost VERSION ([\d.]+)", open(f"{source}/CMakeLists.txt").read(), re.M).group(1)

claim("it is SPDX 2.3", document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0")
claim("it describes roost of this version", document["documentDescribes"] == ["SPDXRef-roost"] and packages["roost"]["versionInfo"] == version)
ids = [p["SPDXID"] for p in document["packages"]]
claim("ids are distinct and well-formed", len(ids) == len(set(ids)) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", i) for i in ids))
required = {"SPDXID", "name", "versionInfo", "supplier", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"}
claim("every package says what SPDX wants to know", all(required <= set(p) for p in document["packages"]))
related = {r["relatedSpdxElement"] for r in document["relationships"] if r["relationshipType"] == "DYNAMIC_LINK"}
claim("roost is related to each", related == set(ids) - {"SPDXRef-roost"})
for package in packages.values():
    if package["name"] != "roost":
        installed = run("dpkg-query", "-W", "-f=${Version}", package["name"]).strip()
        digest = run("sha256sum", package["packageFileName"]).split()[0]
        claim(f"{package['name']} has the version and the checksum that are installed",
              package["versionInfo"] == installed and package["checksums"][0]["checksumValue"] == digest)

# Whatever a program asks for by name comes from a package of the list.
needed = set()
for file in files:
    needed |= set(re.findall(r"\(NEEDED\).*\[(.*?)\]", run("readelf", "-d", file)))
listed = {name.split(":")[0] for name in packages}
for library in sorted(needed):
    path = re.search(rf"{re.escape(library)} .*=> (\S+)", run("/sbin/ldconfig", "-p"))
    owner = run("sh", "-c", f"p=$(readlink -f {path.group(1)}); dpkg -S $p 2>/dev/null || dpkg -S ${{p#/usr}}").split(":")[0]
    claim(f"{library} is {owner}'s, which is listed", owner in listed)
dated = ["env", "SOURCE_DATE_EPOCH=0", f"{source}/tools/package/sbom", *files]
claim("the same build and date make the same file", run(*dated) == run(*dated))
sys.exit(failed)
