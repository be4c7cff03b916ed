"""Write the software bill of materials of the Debian package, in CycloneDX 1.6 (ECMA-424).

In: what pip has installed, as reports of `pip install --report`, and the manifests of the models.
Out: JSON on standard output, the same for the same input. It lists each library with version,
licence and the checksum of its wheel, each file of the models, and the tools that built the package
(with the scope `excluded`).

    python sbom.py VERSION PROCESSOR SECONDS REPORTS MODELS

SECONDS is the time of the package since 1970. REPORTS is a folder with python*.json for the
libraries and build-tools.json. MODELS is the folder of the bundles.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import yaml

Component = dict[str, Any]


def bill_of_materials(
    version: str, processor: str, seconds: int, reports: Path, models: Path
) -> dict[str, Any]:
    """Return the CycloneDX document."""
    package: Component = {
        "type": "application",
        "bom-ref": f"pkg:deb/auricle@{version}?arch={processor}",
        "name": "auricle",
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "purl": f"pkg:deb/auricle@{version}?arch={processor}",
    }
    libraries = {}
    for report in sorted(reports.glob("python*.json")):
        libraries |= {wheel["bom-ref"]: wheel for wheel in wheels(report)}
    tools = [wheel | {"scope": "excluded"} for wheel in wheels(reports / "build-tools.json")]
    bundles = [bundle(manifest) for manifest in sorted(models.glob("*/manifest.yaml"))]
    contained = [*(libraries[reference] for reference in sorted(libraries)), *bundles]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(seconds, UTC).isoformat(),
            "component": package,
        },
        "components": [*contained, *tools],
        "dependencies": [
            {
                "ref": package["bom-ref"],
                "dependsOn": sorted(component["bom-ref"] for component in contained),
            }
        ],
    }


def wheels(report: Path) -> Iterator[Component]:
    """Yield a component for each wheel that pip has installed."""
    for installed in json.loads(report.read_text(encoding="utf-8"))["install"]:
        about, download = installed["metadata"], installed["download_info"]
        file = unquote(urlsplit(download["url"]).path).rpartition("/")[2]
        name = about["name"].lower().replace("_", "-")
        purl = f"pkg:pypi/{name}@{quote(about['version'])}?file_name={quote(file)}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": about["name"],
            "version": about["version"],
            "hashes": [sha256(download["archive_info"]["hashes"]["sha256"])],
            "licenses": [licence(about)],
            "purl": purl,
        }


def licence(about: dict[str, Any]) -> dict[str, Any]:
    """Return the licence in the metadata of a wheel (Core Metadata 2.4 and older)."""
    if expression := about.get("license_expression"):
        return {"expression": expression}
    prefix = "License :: OSI Approved :: "
    named = [
        entry.removeprefix(prefix)
        for entry in about.get("classifier", ())
        if entry.startswith(prefix)
    ]
    text = about.get("license", "").strip()
    if text and "\n" not in text:
        named.insert(0, text)
    if not named:
        raise SystemExit(f"{about['name']} {about['version']}: its metadata names no licence")
    return {"license": {"name": named[0]}}


def bundle(manifest: Path) -> Component:
    """Return the component of a bundle, with its files as components of their own."""
    told = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    names = [told["licence"]] if "licence" in told else []
    names += [each["licence"] for each in told.get("licences", ())]
    reference = f"models/{told['name']}"
    files = [
        {
            "type": "file",
            "bom-ref": f"{reference}/{file.name}",
            "name": file.name,
            "hashes": [sha256(hashlib.sha256(file.read_bytes()).hexdigest())],
        }
        for file in sorted(manifest.parent.iterdir())
    ]
    return {
        "type": "data" if told["kind"] == "recordings" else "machine-learning-model",
        "bom-ref": reference,
        "name": told["name"],
        "version": str(told["version"]),
        "licenses": [{"license": {"name": name}} for name in dict.fromkeys(names)],
        "components": files,
    }


def sha256(digest: str) -> dict[str, str]:
    """Return a hash as CycloneDX writes it."""
    return {"alg": "SHA-256", "content": digest}


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    if len(arguments) != 5:
        print("usage: sbom.py VERSION PROCESSOR SECONDS REPORTS MODELS", file=sys.stderr)
        return 2
    version, processor, seconds, reports, models = arguments
    document = bill_of_materials(version, processor, int(seconds), Path(reports), Path(models))
    print(json.dumps(document, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
