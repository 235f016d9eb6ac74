// SPDX-License-Identifier: Apache-2.0
/* libarchive as the door to the rarer compressions: its "raw" format hands out what its filters
 * decompress. tar itself is read by tar_reader.c: libarchive converts names between character
 * sets and normalises them on the way (archive_string.c), and a layer's names must come out byte
 * for byte.
 * It is loaded when the first such file is opened (sys/library.h): it brings libxml2 and ICU along.
 */
#include <archive.h>
#include <archive_entry.h>
#include <limits.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/decoder_input.h"
#include "sys/library.h"

static struct {
	__typeof__(&archive_error_string) error_string;
	__typeof__(&archive_read_data) read_data;
	__typeof__(&archive_read_free) read_free;
	__typeof__(&archive_read_new) read_new;
	__typeof__(&archive_read_next_header) read_next_header;
	__typeof__(&archive_read_open) read_open;
	__typeof__(&archive_read_support_filter_all) read_support_filter_all;
	__typeof__(&archive_read_support_format_raw) read_support_format_raw;
	__typeof__(&archive_set_error) set_error;
} door;

static int load_library(struct err *err)
{
	static const struct library_symbol symbols[] = {
		{ "archive_error_string", &door.error_string },
		{ "archive_read_data", &door.read_data },
		{ "archive_read_free", &door.read_free },
		{ "archive_read_new", &door.read_new },
		{ "archive_read_next_header", &door.read_next_header },
		{ "archive_read_open", &door.read_open },
		{ "archive_read_support_filter_all", &door.read_support_filter_all },
		{ "archive_read_support_format_raw", &door.read_support_format_raw },
		{ "archive_set_error", &door.set_error },
	};
	static struct library library = { .name = "libarchive.so.13",
					  .symbol = symbols,
					  .symbol_count = sizeof(symbols) / sizeof(*symbols),
					  .lock = PTHREAD_MUTEX_INITIALIZER };

	return library_load(&library, err);
}

struct raw {
	struct archive *archive;
	struct input *input; /* while reading */
	struct err *err;
	bool open;
};

static void *start(struct err *err)
{
	struct raw *raw;

	if (load_library(err) < 0)
		return NULL;
	raw = memory_zeroed(1, sizeof(*raw));
	raw->archive = door.read_new();
	if (raw->archive && door.read_support_filter_all(raw->archive) >= ARCHIVE_WARN &&
	    door.read_support_format_raw(raw->archive) == ARCHIVE_OK)
		return raw;
	fail(err, ENOMEM, "archive reader");
	door.read_free(raw->archive);
	free(raw);
	return NULL;
}

static void stop(void *state)
{
	struct raw *raw = state;

	door.read_free(raw->archive);
	free(raw);
}

static la_ssize_t give(struct archive *archive, void *context, const void **ret_bytes)
{
	struct raw *raw = context;
	size_t left;

	if (input_fill(raw->input, raw->err) < 0) {
		door.set_error(archive, raw->err->code, "%s", raw->err->text);
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

	if (door.read_open(raw->archive, raw, NULL, give, NULL) != ARCHIVE_OK ||
	    door.read_next_header(raw->archive, &entry) != ARCHIVE_OK)
		return fail_plain(err, EUCLEAN, "%s", door.error_string(raw->archive));
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
	n = door.read_data(raw->archive, bytes, size_bytes);
	if (n < 0)
		return fail_plain(err, EUCLEAN, "%s", door.error_string(raw->archive));
	return n;
}

const struct codec codec_archive = {
	.name = "compressed data", .start = start, .read = read_raw, .stop = stop
};
