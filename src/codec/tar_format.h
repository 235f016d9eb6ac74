/* SPDX-License-Identifier: Apache-2.0 */
/* The header block, for tar_reader.c and tar_writer.c only. */
#ifndef CODEC_TAR_FORMAT_H
#define CODEC_TAR_FORMAT_H

struct tar_header { /* POSIX.1-2017 pax(1), "ustar Interchange Format" */
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6]; /* "ustar" and NUL; "ustar " with version " " is GNU's */
	char version[2];
	char user[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char padding[12];
};

struct tar_gnu_segment {
	char offset[12];
	char size[12];
};

struct tar_gnu_header { /* where it differs: what ustar calls prefix and padding */
	char before[345];
	char times[41];
	struct tar_gnu_segment segments[4];
	char is_extended;
	char real_size[12];
	char padding[17];
};

struct tar_gnu_extension {
	struct tar_gnu_segment segments[21];
	char is_extended;
	char padding[7];
};

_Static_assert(sizeof(struct tar_header) == 512, "one block");
_Static_assert(sizeof(struct tar_gnu_header) == 512, "one block");
_Static_assert(sizeof(struct tar_gnu_extension) == 512, "one block");

#endif
