// SPDX-License-Identifier: Apache-2.0
/* A root file system becomes an image of one layer. Nothing in it depends on when or where that is
 * done: the creation time is that of the newest file, so the same root gives the same image id. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/text.h"
#include "flow/change.h"
#include "flow/directory_owners.h"
#include "flow/import.h"
#include "flow/import_layer.h"
#include "image/whiteout.h"
#include "rootfs/tree.h"
#include "store/blob_writer.h"
#include "sys/openat2.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* --- the config --- */

static void set_shell(const struct store *store, const struct digest *diff_id,
		      struct config *config)
{
	static const char *const shells[] = { "/bin/bash", "/bin/sh" };
	auto_fd root = -1;

	if (layer_open(store, diff_id, &root, NULL) < 0)
		return;
	for (size_t i = 0; i < array_count(shells) && !config->cmd.count; i++) {
		auto_fd fd = openat2_in_root(root, shells[i], O_PATH, 0);

		if (fd >= 0)
			strings_add(&config->cmd, shells[i]);
	}
}

static int set_platform(const char *text, struct config *config, struct err *err)
{
	auto_arena arena = { 0 };
	struct platform platform;
	int r = platform_parse(text, &arena, &platform, err);

	if (r < 0)
		return r;
	config_set(&config->os, platform.os);
	config_set(&config->architecture, platform.architecture);
	config_set(&config->variant, platform.variant);
	return 0;
}

static int make_config(const struct import_request *request, const struct import_layer *layer,
		       struct config *config, struct err *err)
{
	char created[TEXT_TIME_BYTES];
	char comment[] = "Imported by rootlet";
	struct history history = { .created = created, .comment = comment };
	int r = 0;

	config_init(config);
	text_time(layer->newest_mtime_s, created);
	config_set(&config->created, created);
	strings_add(&config->env, "PATH=" DEFAULT_PATH);
	set_shell(request->store, &layer->diff_id, config);
	config_add_diff_id(config, &layer->diff_id);
	config_add_history(config, &history);
	if (request->message)
		config_set(&config->history[0].comment, request->message);
	if (request->platform)
		r = set_platform(request->platform, config, err);
	if (r == 0 && request->changes.count)
		r = config_change(config, &request->changes, err);
	return r;
}

static int add_image(const struct import_request *request, const struct import_layer *layer,
		     const struct config *config, struct err *err)
{
	struct descriptor layers[] = { layer->descriptor };
	struct manifest manifest = { .layers = layers,
				     .layer_count = 1,
				     .config = { .media_type = MEDIA_OCI_CONFIG } };
	struct descriptor root = { .media_type = MEDIA_OCI_MANIFEST };
	auto_buf config_text = { 0 };
	auto_buf manifest_text = { 0 };
	int r;

	config_print(config, &config_text);
	r = blob_add(request->store, config_text.bytes, config_text.size_bytes,
		     &manifest.config.digest, err);
	if (r < 0)
		return r;
	manifest.config.size_bytes = config_text.size_bytes;
	manifest_print(&manifest, &manifest_text);
	r = blob_add(request->store, manifest_text.bytes, manifest_text.size_bytes, &root.digest,
		     err);
	root.size_bytes = manifest_text.size_bytes;
	return r < 0 ? r : import_name(request, &root, &manifest.config.digest, NULL, err);
}

int import_root(const struct import_request *request, const struct byte_source *source,
		enum encoding encoding, struct err *err)
{
	auto_config config = { 0 };
	struct import_layer layer;
	int r = import_layer(request->store, source, encoding, NULL, &layer, err);

	if (r == 0)
		r = make_config(request, &layer, &config, err);
	return r < 0 ? r : add_image(request, &layer, &config, err);
}

/* --- a directory or squashfs: written as tar by a thread, read back from a pipe --- */

struct tar_thread {
	const struct import_request *request;
	int fd;
	int (*write)(struct tar_thread *thread, struct tar_writer *writer);
	int pipe_fd;
	pthread_t thread;
	int result;
	struct err err;
};

static int write_to_pipe(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	const struct tar_thread *thread = context;
	int r = io_write_all(thread->pipe_fd, bytes, size_bytes);

	return r < 0 ? fail(err, -r, "pass the files on") : 0;
}

static int write_directory(struct tar_thread *thread, struct tar_writer *writer)
{
	const struct tree_tar_options options = { .is_layer = true };
	auto_tree tree = { 0 };
	int r = tree_of_directory(thread->fd, &tree, &thread->err);

	if (r == 0 && thread->request->owners)
		r = directory_owners_load(thread->request->owners, &tree, &thread->err);
	return r < 0 ? r : tree_write_tar(&tree, &options, writer, &thread->err);
}

static int pass_entry(void *context, const struct tar_entry *entry, struct err *err)
{
	int r = layer_name_check(entry->path, err);

	return r < 0 ? r : tar_writer_entry(context, entry, err);
}

static int pass_data(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	return tar_writer_data(context, bytes, size_bytes, err);
}

static int write_squashfs(struct tar_thread *thread, struct tar_writer *writer)
{
	const struct squash_sink sink = { pass_entry, pass_data, writer };
	int r = squash_read_all(thread->fd, 0, &sink, &thread->err);

	return r < 0 ? r : tar_writer_end(writer, &thread->err);
}

static void *write_tar(void *argument)
{
	struct tar_thread *thread = argument;
	struct tar_writer writer = { .write = write_to_pipe, .context = thread };

	thread->result = thread->write(thread, &writer);
	close(thread->pipe_fd);
	return NULL;
}

/* SIGPIPE would end the program where an error is wanted: when the reader has failed. */
static int start(struct tar_thread *thread, struct err *err)
{
	sigset_t all;
	sigset_t before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread->thread, NULL, write_tar, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? fail(err, r, "start a thread") : 0;
}

static int import_thread(struct tar_thread *thread, struct err *err)
{
	struct byte_source source;
	int fds[2];
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(err, errno, "pipe");
	thread->pipe_fd = fds[1];
	r = start(thread, err);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	source = byte_source_fd(&fds[0]);
	r = import_root(thread->request, &source, ENCODING_NONE, err);
	close(fds[0]);
	pthread_join(thread->thread, NULL);
	if (thread->result < 0 && thread->result != -EPIPE) { /* why the stream ended early */
		if (err)
			*err = thread->err;
		return thread->result;
	}
	return r;
}

int import_root_directory(const struct import_request *request, int dirfd, struct err *err)
{
	struct tar_thread thread = { .request = request, .fd = dirfd, .write = write_directory };

	return import_thread(&thread, err);
}

int import_root_squashfs(const struct import_request *request, int fd, struct err *err)
{
	struct tar_thread thread = { .request = request, .fd = fd, .write = write_squashfs };

	return import_thread(&thread, err);
}
