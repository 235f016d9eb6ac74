// SPDX-License-Identifier: Apache-2.0
#include "flow/pack.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "flow/dest.h"
#include "sys/remove.h"

static const struct {
	const char *name;
	const char *suffix;
} formats[] = {
	[PACK_TAR] = { "tar", ".tar" },
	[PACK_TAR_GZIP] = { "tar.gz", ".tar.gz" },
	[PACK_TAR_ZSTD] = { "tar.zst", ".tar.zst" },
	[PACK_SQUASHFS] = { "squashfs", ".sqfs" },
	[PACK_OCI] = { "oci", ".oci.tar" },
	[PACK_DOCKER] = { "docker", ".docker.tar" },
	[PACK_DIRECTORY] = { "dir", "" },
	[PACK_RUN] = { "run", ".run" },
};

bool pack_format_parse(const char *text, enum pack_format *ret_format)
{
	for (size_t i = 0; i < array_count(formats); i++) {
		if (strcmp(formats[i].name, text) != 0)
			continue;
		*ret_format = (enum pack_format)i;
		return true;
	}
	return false;
}

const char *pack_format_suffix(enum pack_format format)
{
	return formats[format].suffix;
}

void pack_request_done(struct pack_request *request)
{
	strings_done(&request->links);
	strings_done(&request->entry_point);
	strings_done(&request->env);
	strings_done(&request->expose);
	strings_done(&request->share);
	strings_done(&request->keep);
	strings_done(&request->allow_secrets);
	strings_done(&request->with);
	strings_done(&request->with_files);
}

static bool is_stream(enum pack_format format)
{
	return format == PACK_TAR || format == PACK_TAR_GZIP || format == PACK_TAR_ZSTD;
}

static int gather(struct pack *pack, struct err *err)
{
	int r = pack_read_source(pack, err);

	if (r == 0)
		r = pack_add_all(pack, err);
	if (r == 0)
		r = pack_refuse_secrets(pack, err);
	if (r == 0 && pack->request->relocatable)
		r = pack_relocate(pack, err);
	return r < 0 ? r : pack_describe(pack, err);
}

/* --- where it goes --- */

struct round {
	struct pack *pack;
	struct digest *digest;
};

static int fill(void *context, int fd, struct err *err)
{
	const struct round *round = context;

	return pack_write(round->pack, fd, round->digest, err);
}

/* A program is made executable by whoever could have made a program here. */
static int make_executable(const struct pack_request *request, const char *path, struct err *err)
{
	struct stat st;

	if (request->format != PACK_RUN)
		return 0;
	if (stat(path, &st) < 0 || chmod(path, st.st_mode | (st.st_mode & 0444) >> 2) < 0)
		return fail(err, errno, "make '%s' executable", path);
	return 0;
}

static const char *folder_of(struct pack *pack, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_copy_bytes(&pack->arena, path, (size_t)(slash - path));
}

static int write_once(struct pack *pack, const char *path, struct digest *ret_digest,
		      struct err *err)
{
	struct round round = { pack, ret_digest };
	const struct dest_writer writer = { fill, &round, pack->request->format == PACK_DIRECTORY };
	int r;

	pack->folder = folder_of(pack, path);
	r = dest_write_beside(path, &writer, err);
	return r < 0 ? err_wrap(err, "'%s'", path) : make_executable(pack->request, path, err);
}

/* --- again, under other circumstances --- */

/* What must not matter: the mask of modes, how many processors there are, the time zone. */
static void change_circumstances(uint64_t round)
{
	cpu_set_t all;
	cpu_set_t one;

	umask(round % 2 ? 077 : 0);
	setenv("TZ", round % 2 ? "Asia/Kathmandu" : "UTC", 1);
	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			break;
		}
	(void)!sched_setaffinity(0, sizeof(one), &one); /* a variation less if it cannot be */
}

static int repeat(const struct pack_request *request, const char *path, uint64_t number,
		  const struct digest *expected, struct err *err)
{
	struct digest digest;
	auto_buf work = { 0 };
	auto_pack pack;
	int r;

	buf_printf(&work, "%s.round-%llu", path, (unsigned long long)number);
	pack_init(&pack, request);
	r = gather(&pack, err);
	if (r == 0)
		r = write_once(&pack, work.bytes, &digest, err);
	if (r < 0)
		return err_wrap(err, "round %llu", (unsigned long long)number);
	if (digest_equal(&digest, expected))
		return remove_tree(AT_FDCWD, work.bytes, err);
	fail_plain(err, EUCLEAN, "round %llu gave %s and not %s", (unsigned long long)number,
		   digest.text, expected->text);
	err_hint(err, "rootlet pack --diff '%s' '%s' tells where they differ", path, work.bytes);
	return -EUCLEAN;
}

static int repeat_all(const struct pack_request *request, const struct pack_made *made,
		      struct err *err)
{
	for (uint64_t i = 2; i <= request->rounds; i++) {
		int r;

		change_circumstances(i - 1);
		r = repeat(request, made->path, i, &made->digest, err);
		if (r < 0)
			return r;
		log_info("round %llu of %llu: the same", (unsigned long long)i,
			 (unsigned long long)request->rounds);
	}
	return 0;
}

/* --- one pack --- */

/* Layers hold a directory of each open per level of depth. */
static void allow_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &limit);
}

static int check(const struct pack_request *request, struct err *err)
{
	bool to_stdout = text_equal(request->output, "-");

	if (to_stdout && !is_stream(request->format))
		return fail_plain(err, EINVAL, "-f %s cannot be written to standard output",
				  formats[request->format].name);
	if (to_stdout && request->rounds > 1)
		return fail_plain(err, EINVAL, "--rounds compares files: it needs -o FILE");
	if ((request->with.count || request->with_files.count) &&
	    !text_starts(request->source, "dpkg:") && !text_starts(request->source, "prefix:"))
		return fail_plain(err, EINVAL,
				  "--with and --with-file add files of this host to dpkg: and "
				  "prefix: only");
	if (request->relocatable && request->format == PACK_RUN)
		return fail_plain(
			err, EINVAL,
			"-f run is one file that runs anywhere already; -R is for what is "
			"unpacked");
	return 0;
}

static char *path_of(const struct pack *pack)
{
	auto_buf path = { 0 };

	if (pack->request->output)
		return memory_copy_text(pack->request->output);
	buf_printf(&path, "%s%s", pack->name, pack_format_suffix(pack->request->format));
	return buf_take(&path);
}

int pack_run(const struct pack_request *request, struct pack_made *ret_made, struct err *err)
{
	struct pack_made made = { 0 };
	auto_pack pack;
	int r;

	pack_init(&pack, request);
	r = check(request, err);
	if (r < 0)
		return r;
	allow_open_files();
	r = gather(&pack, err);
	if (r < 0)
		return r;
	if (text_equal(request->output, "-")) {
		r = pack_write(&pack, STDOUT_FILENO, &made.digest, err);
	} else {
		made.path = path_of(&pack);
		r = write_once(&pack, made.path, &made.digest, err);
	}
	if (r == 0)
		r = repeat_all(request, &made, err);
	if (r < 0)
		free(made.path);
	else
		*ret_made = made;
	return r;
}
