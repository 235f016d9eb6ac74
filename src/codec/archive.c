// SPDX-License-Identifier: Apache-2.0
/* libarchive as the door to the rarer compressions: its "raw" format hands out what its filters
 * decompress. tar itself is read by tar_reader.c: libarchive converts names between character
 * sets and normalises them on the way (archive_string.c), and a layer's names must come out byte
 * for byte. */
#include <archive.h>
#include <archive_entry.h>
#include <limits.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/decoder_input.h"

struct raw {
	struct archive *archive;
	struct input *input; /* while reading */
	struct err *err;
	bool open;
};

static void *start(struct err *err)
{
	struct raw *raw = memory_zeroed(1, sizeof(*raw));

	raw->archive = archive_read_new();
	if (raw->archive && archive_read_support_filter_all(raw->archive) >= ARCHIVE_WARN &&
	    archive_read_support_format_raw(raw->archive) == ARCHIVE_OK)
		return raw;
	fail(err, ENOMEM, "archive reader");
	archive_read_free(raw->archive);
	free(raw);
	return NULL;
}

static void stop(void *state)
{
	struct raw *raw = state;

	archive_read_free(raw->archive);
	free(raw);
}

static la_ssize_t give(struct archive *archive, void *context, const void **ret_bytes)
{
	struct raw *raw = context;
	size_t left;

	if (input_fill(raw->input, raw->err) < 0) {
		archive_set_error(archive, raw->err->code, "%s", raw->err->text);
		return -1;
	}
	left = input_left(raw->input);
	*ret_bytes = raw->input->bytes + raw->input->start;
	raw->input->start = raw->input->end;
	return (la_ssize_t)left;
}

static int open_archive(struct raw *raw, struct err *err)
{
	struct archive_entry *entry;

	if (archive_read_open(raw->archive, raw, NULL, give, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(raw->archive, &entry) != ARCHIVE_OK)
		return fail_plain(err, EUCLEAN, "%s", archive_error_string(raw->archive));
	raw->open = true;
	return 0;
}

static ssize_t read_raw(void *state, struct input *input, void *bytes, size_t size_bytes,
			struct err *err)
{
	struct raw *raw = state;
	la_ssize_t n;
	int r;

	raw->input = input;
	raw->err = err;
	if (!raw->open) {
		r = open_archive(raw, err);
		if (r < 0)
			return r;
	}
	n = archive_read_data(raw->archive, bytes, size_bytes);
	if (n < 0)
		return fail_plain(err, EUCLEAN, "%s", archive_error_string(raw->archive));
	return n;
}

const struct codec codec_archive = {
	.name = "compressed data", .start = start, .read = read_raw, .stop = stop
};
