#!/usr/bin/env python3
"""Make PyPI's torch wheel importable without the gigabytes of nvidia wheels it asks for.

torch's shared libraries link against CUDA libraries that are absent here. For each of them this builds, beside torch, a
stub with the same name, symbols and symbol versions, whose functions all answer 100 (cudaErrorNoDevice). Then
torch.cuda.is_available() is false and the CPU path, which is linked statically, works.

usage: stub_cuda.py [SITE_PACKAGES]
"""

import collections
import pathlib
import re
import subprocess
import sys
import sysconfig
import tempfile

MARK = b"torch-cuda-stub"
CUDA_LIBRARY = re.compile(r"^lib(cu|nv|nccl)")
NAMES_AN_ERROR = re.compile(r"Get(Last)?Error(String|Name)|ErrorString|errorString|GetStatusString")
# Where a symbol without a version belongs: the first prefix that fits decides.
LIBRARY_OF_PREFIX = [
    ("cudnn", "libcudnn"),
    ("cublasLt", "libcublasLt"),
    ("cublas", "libcublas"),
    ("cusparseLt", "libcusparseLt"),
    ("cusparse", "libcusparse"),
    ("cusolver", "libcusolver"),
    ("cufft", "libcufft"),
    ("cuFile", "libcufile"),
    ("nccl", "libnccl"),
    ("ncclx", "libnccl"),
    ("pnccl", "libnccl"),
    ("nvshmem", "libnvshmem_host"),
    ("nvrtc", "libnvrtc"),
    ("cupti", "libcupti"),
    ("__cuda", "libcudart"),
    ("cuda", "libcudart"),
]


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Imports:
    """What torch's libraries want from others: library names, and undefined symbols with their versions."""

    def __init__(self, libraries):
        present = {library.name for library in libraries}
        self.missing_libraries = set()
        self.undefined = {}
        self.defined = set()
        self.library_of_version = {}
        for library in libraries:
            self.read_needed(str(library), present)
            self.read_versions(str(library))
            self.read_symbols(str(library))

    def read_needed(self, library, present):
        for name in re.findall(r"NEEDED.*\[(.*?)\]", output_of("readelf", "-dW", library)):
            if CUDA_LIBRARY.match(name) and name not in present:
                self.missing_libraries.add(name)

    def read_versions(self, library):
        needed_from = None
        for line in output_of("readelf", "-VW", library).splitlines():
            if found := re.search(r"Version: 1\s+File: (\S+)", line):
                needed_from = found[1]
            elif needed_from and (found := re.search(r"Name: (\S+)\s+Flags", line)):
                self.library_of_version[found[1]] = needed_from

    def read_symbols(self, library):
        for line in output_of("readelf", "--dyn-syms", "-W", library).splitlines():
            fields = line.split()
            if len(fields) < 8 or not fields[0].endswith(":"):
                continue
            name, _, version = fields[7].partition("@")
            if fields[6] == "UND":
                self.undefined[name] = version.lstrip("@") or self.undefined.get(name, "")
            else:
                self.defined.add(name)

    def by_library(self):
        """library -> version ("" without) -> names"""
        wanted = collections.defaultdict(lambda: collections.defaultdict(set))
        for name, version in self.undefined.items():
            if name in self.defined:
                continue
            library = self.library_of_version.get(version) if version else self.library_by_prefix(name)
            if library in self.missing_libraries:
                wanted[library][version].add(name)
        return wanted

    def library_by_prefix(self, name):
        for prefix, stem in LIBRARY_OF_PREFIX:
            if name.startswith(prefix):
                return next((l for l in sorted(self.missing_libraries) if l.startswith(stem + ".so")), None)
        return None


def build_stub(path, names_by_version):
    code = [f'static const char mark[] __attribute__((used)) = "{MARK.decode()}";']
    script = []
    for version, names in names_by_version.items():
        for name in sorted(names):
            if NAMES_AN_ERROR.search(name):
                code.append(f'const char *{name}(void) {{ return "cuda stub"; }}')
            else:
                code.append(f"long {name}(void) {{ return 100; }}")
        if version:
            script.append(f"{version} {{ global: {' '.join(name + ';' for name in sorted(names))} }};")
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "stub.c")
        source.write_text("\n".join(code))
        command = ["gcc", "-shared", "-fPIC", "-O1", "-w", "-fno-builtin", "-o", str(path), str(source)]
        command.append(f"-Wl,-soname,{path.name}")
        if script:
            versions = pathlib.Path(folder, "stub.map")
            versions.write_text("\n".join(script))
            command.append(f"-Wl,--version-script={versions}")
        output_of(*command)


def main():
    site_packages = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_paths()["purelib"])
    folder = site_packages / "torch" / "lib"
    libraries = [
        path for path in sorted(folder.glob("*.so*")) if path.is_file() and MARK not in path.read_bytes()
    ]
    imports = Imports(libraries)
    wanted = imports.by_library()
    for name in sorted(imports.missing_libraries):
        build_stub(folder / name, wanted[name])
        print(f"{name}: {sum(map(len, wanted[name].values()))} symbols")


if __name__ == "__main__":
    main()
