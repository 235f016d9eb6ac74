# SPDX-License-Identifier: Apache-2.0
"""Images of any size for measurements: an OCI layout whose layers hold as many files as asked for."""
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile

MEDIA = "application/vnd.oci.image."
POOL_FOLDERS = ("/usr/lib", "/usr/share", "/usr/include", "/usr/bin")
POOL_BYTES = 96 * 1000 * 1000
FILES_IN_DIRECTORY = 12
PACKERS = {"gzip": ["pigz", "-c"], "zstd": ["zstd", "-q", "-c", "-T0"]}
BLOCK = 1024 * 1024


def read_pool():
    """Programs, libraries, text: content that compresses as an image's does."""
    pool = bytearray()
    for top in POOL_FOLDERS:
        share = len(pool) + POOL_BYTES // len(POOL_FOLDERS)
        for folder, folders, names in os.walk(top):
            folders.sort()
            for path in (os.path.join(folder, name) for name in sorted(names)):
                if len(pool) >= share or not os.path.isfile(path) or not os.access(path, os.R_OK):
                    continue
                with open(path, "rb") as file:
                    pool += file.read(2 * BLOCK)
    return bytes(pool)


class Slices(io.RawIOBase):
    """A file of `size` bytes, made of blocks from anywhere in the pool."""

    def __init__(self, pool, chance, size):
        super().__init__()
        self.pool, self.chance, self.left = pool, chance, size

    def readable(self):
        return True

    def readinto(self, room):
        size = min(len(room), self.left, BLOCK)
        at = self.chance.randrange(len(self.pool) - size)
        room[:size] = self.pool[at:at + size]
        self.left -= size
        return size


def write_tar(out, pool, chance, names, sizes):
    """To a pipe; directories come before what is in them."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT, bufsize=BLOCK) as tar:
        made = set()
        for name, size in zip(names, sizes):
            folder = os.path.dirname(name)
            for end in [i for i, letter in enumerate(folder) if letter == "/"] + [len(folder)]:
                if folder[:end] not in made:
                    made.add(folder[:end])
                    entry = tarfile.TarInfo(folder[:end])
                    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, 1700000000
                    tar.addfile(entry)
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = size, 0o644, 1700000000
            tar.addfile(entry, Slices(pool, chance, size))


class Tee:
    """Hashes what goes to a pipe."""

    def __init__(self, out):
        self.out, self.hash = out, hashlib.sha256()

    def write(self, data):
        self.hash.update(data)
        return self.out.write(data)


class Layout:
    """An OCI layout, written by hand."""

    def __init__(self, path):
        self.path = path
        self.manifests = {}
        os.makedirs(os.path.join(path, "blobs/sha256"))
        with open(os.path.join(path, "oci-layout"), "w", encoding="utf-8") as file:
            file.write('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, digest):
        return os.path.join(self.path, "blobs/sha256", digest)

    def add(self, media_type, value):
        data = json.dumps(value).encode()
        digest = hashlib.sha256(data).hexdigest()
        with open(self.blob(digest), "wb") as file:
            file.write(data)
        return {"mediaType": MEDIA + media_type, "digest": "sha256:" + digest, "size": len(data)}

    def add_layer(self, compression, write):
        """Its diff id, and its blob's descriptor; `write` writes the tar to the file it is given."""
        part = os.path.join(self.path, "part")
        with open(part, "wb") as out, subprocess.Popen(PACKERS[compression], stdin=subprocess.PIPE,
                                                       stdout=out) as packer:
            tee = Tee(packer.stdin)
            write(tee)
            packer.stdin.close()
            if packer.wait() != 0:
                sys.exit(f"bench: {PACKERS[compression][0]} failed")
        packed = hashlib.sha256()
        with open(part, "rb") as file:
            while block := file.read(BLOCK):
                packed.update(block)
        size = os.path.getsize(part)
        os.rename(part, self.blob(packed.hexdigest()))
        return "sha256:" + tee.hash.hexdigest(), {"mediaType": MEDIA + "layer.v1.tar+" + compression,
                                                  "digest": "sha256:" + packed.hexdigest(), "size": size}

    def add_image(self, name, layers):
        config = self.add("config.v1+json", {
            "os": "linux", "architecture": "amd64", "config": {},
            "history": [{"created_by": "bench"} for _ in layers],  # ch-image wants one
            "rootfs": {"type": "layers", "diff_ids": [diff for diff, _ in layers]}})
        self.manifests[name] = self.add(
            "manifest.v1+json", {"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "config": config,
                                 "layers": [blob for _, blob in layers]})

    def finish(self):
        key = "org.opencontainers.image.ref.name"
        index = {"schemaVersion": 2, "manifests": [dict(manifest, annotations={key: name})
                                                   for name, manifest in self.manifests.items()]}
        with open(os.path.join(self.path, "index.json"), "w", encoding="utf-8") as file:
            json.dump(index, file)


class Profile:
    """What an image is like. `bytes` before compression."""

    def __init__(self, name, layers, files, size, compression, limit):
        self.name, self.layers, self.files, self.bytes = name, layers, files, size
        self.compression, self.limit = compression, limit

    def make(self, cache, say):
        """The layout of the images `one` and `two`, which share all layers but the last; made once."""
        path = os.path.join(cache, f"layout-{self.name}-{self.layers}-{self.files}-{self.bytes}-{self.compression}")
        if os.path.exists(path):
            return path
        shutil.rmtree(path + ".part", ignore_errors=True)
        layout, pool = Layout(path + ".part"), read_pool()
        layers = []
        for number in range(self.layers + 1):  # and the last one of the second image
            say(f"{self.name}: making layer {number + 1} of {self.layers + 1}")
            layers.append(layout.add_layer(self.compression, lambda out, n=number: self.write(out, pool, n)))
        layout.add_image("one", layers[:-1])
        layout.add_image("two", layers[:-2] + layers[-1:])
        layout.finish()
        os.rename(path + ".part", path)
        return path

    def write(self, out, pool, number):
        chance = random.Random(number)
        count = self.files // self.layers
        weights = [chance.lognormvariate(0, 1.5) for _ in range(count)]
        unit = self.bytes / self.layers / sum(weights)
        names = [f"usr/lib/part{number}/{i // FILES_IN_DIRECTORY // 40}/{i // FILES_IN_DIRECTORY}/file-{i}"
                 for i in range(count)]
        write_tar(out, pool, chance, names, [int(weight * unit) for weight in weights])


def read_manifest(path, name):
    """The manifest of this name in a layout."""
    def read(*parts):
        with open(os.path.join(path, *parts), encoding="utf-8") as file:
            return json.load(file)
    for entry in read("index.json")["manifests"]:
        if entry["annotations"]["org.opencontainers.image.ref.name"] == name:
            return read("blobs/sha256", entry["digest"].split(":")[1])
    raise KeyError(name)
