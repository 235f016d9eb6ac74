# SPDX-License-Identifier: Apache-2.0
"""The files of an image as its layers' archives tell them: who owns what, for tests that compare.

Reads OCI layouts and nothing of rootlet's, so that it can be the judge of both sides.
"""
import gzip
import hashlib
import json
import os
import posixpath
import sys
import tarfile

KINDS = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.GNUTYPE_SPARSE: "file",
         tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "symlink", tarfile.CHRTYPE: "char",
         tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo"}
XATTR = "SCHILY.xattr."


class Entry:
    """Everything about a file that a chown, chmod, mknod or setcap can change; and, where asked for, what
    is in it and when that was."""

    def __init__(self, member, content=None):
        self.kind = KINDS[member.type]
        self.uid = member.uid
        self.gid = member.gid
        # a symlink has no mode of its own: writers differ
        self.mode = 0o777 if self.kind == "symlink" else member.mode & 0o7777
        self.device = (member.devmajor, member.devminor) if self.kind in ("char", "block") else None
        self.xattrs = {name[len(XATTR):]: value for name, value in member.pax_headers.items()
                       if name.startswith(XATTR + "security.") or name.startswith(XATTR + "system.")}

        self.content = content
        self.seconds = int(member.mtime)

    def __str__(self):
        return self.text()

    def text(self, unwanted=None):
        """Without the attributes whose names begin so."""
        text = f"{self.kind} {self.uid}:{self.gid} {self.mode:04o}"
        if self.device:
            text += " %d,%d" % self.device
        if self.content is not None:
            text += f" {self.seconds} {self.content}"
        for name, value in sorted(self.xattrs.items()):
            if unwanted and name.startswith(unwanted):
                continue
            text += f" {name}={value.encode('utf-8', 'surrogateescape').hex()}"
        return text


def blob(layout, digest):
    return open(os.path.join(layout, "blobs", *digest.split(":")), "rb")


def layers(layout):
    """The layers of the one image of a layout, lowest first, as archives to be read once."""
    with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
        index = json.load(file)
    with blob(layout, index["manifests"][0]["digest"]) as file:
        manifest = json.load(file)
    for layer in manifest["layers"]:
        with blob(layout, layer["digest"]) as file, opened(layer, file) as plain, \
                tarfile.open(fileobj=plain, mode="r|", bufsize=1 << 20) as archive:
            yield archive


def opened(layer, file):
    """Not tarfile's own "r|gz", which ends at a gzip file's first member."""
    return gzip.GzipFile(fileobj=file) if layer["mediaType"].endswith(("gzip", "gz")) else file


def forget_below(tree, path):
    for other in [other for other in tree if other.startswith(path + "/")]:
        del tree[other]


def apply_whiteout(tree, path):
    folder, name = posixpath.split(path)
    if name == ".wh..wh..opq":
        forget_below(tree, folder)
    else:
        hidden = posixpath.join(folder, name[len(".wh."):])
        before = tree.pop(hidden, None)
        if before and before.kind == "directory":
            forget_below(tree, hidden)


def content_of(archive, member):
    """As text: where a link leads, or the file's digest."""
    if member.issym():
        return member.linkname
    return hashlib.sha256(archive.extractfile(member).read()).hexdigest()[:16] if member.isreg() else ""


def apply_layer(tree, archive, contents=False):
    members = [(posixpath.normpath("/" + member.name).lstrip("/"), member,
                content_of(archive, member) if contents else None) for member in archive]
    for path, _, _ in members:
        if posixpath.basename(path).startswith(".wh."):
            apply_whiteout(tree, path)
    for path, member, content in members:
        if posixpath.basename(path).startswith(".wh."):
            continue
        if member.type == tarfile.LNKTYPE:
            tree[path] = tree[posixpath.normpath("/" + member.linkname).lstrip("/")]
            continue
        before = tree.get(path)
        tree[path] = Entry(member, content)
        if before and before.kind == "directory" and tree[path].kind != "directory":
            forget_below(tree, path)


def image_tree(layout, contents=False):
    """path -> Entry, of what the stacked layers show."""
    tree = {}
    for archive in layers(layout):
        apply_layer(tree, archive, contents)
    return tree


if __name__ == "__main__":
    for name, entry in sorted(image_tree(sys.argv[1]).items()):
        print(f"/{name} {entry}")
