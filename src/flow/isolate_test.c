// SPDX-License-Identifier: Apache-2.0
/* Does the environment do what it is for? One start, one shell, and a line for each thing that is
 * not there or does not work. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/isolate.h"
#include "flow/run.h"
#include "flow/run_environment.h"

static const char script[] =
	"cd /tmp || exit\n"
	"say() { echo \"$1\"; }\n"
	"echo 'int main(void) { return 42; }' >rootlet-test.c\n"
	"cc=none\n"
	"for name in cc gcc clang; do\n"
	"    ! command -v $name >/dev/null 2>&1 || { cc=$name; break; }\n"
	"done\n"
	"if [ $cc = none ]; then\n"
	"    say 'a C compiler (cc)'\n"
	"elif ! $cc -o rootlet-test rootlet-test.c >/dev/null 2>&1; then\n"
	"    say \"a C compiler that works ($cc does not make a program)\"\n"
	"else\n"
	"    ./rootlet-test\n"
	"    [ $? = 42 ] || say \"a C compiler that works (its program does not run)\"\n"
	"fi\n"
	"rm -f rootlet-test rootlet-test.c\n"
	"if ! command -v python3 >/dev/null 2>&1; then\n"
	"    say python3\n"
	"elif ! python3 -S -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1; "
	"then\n"
	"    say 'python3 of version 3.6 or later that works'\n"
	"fi\n"
	"for name in make patch tar file; do\n"
	"    command -v $name >/dev/null 2>&1 || say $name\n"
	"done\n"
	"exit 0\n";

static int run_in(const char *store, const char *path, int output_fd, int *ret_status,
		  struct err *err)
{
	struct run_request request = {
		.store = store, .root = path, .network = "none", .cwd = "/"
	};
	struct engine_job job = { .redirect = true };
	auto_fd null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct engine *engine;
	auto_run_root root;
	auto_box box;
	int r;

	box_init(&box);
	run_root_init(&root);
	strings_add(&request.command, "/bin/sh");
	strings_add(&request.command, "-c");
	strings_add(&request.command, script);
	r = run_make_box(&request, &box, &root, err);
	if (r == 0)
		r = engine_choose(NULL, &box, &engine, NULL, err);
	if (r == 0)
		r = run_use_engine(&request, engine, &box, &root, err);
	job.made = engine_made_new();
	job.box = &box;
	job.stdio[0] = job.stdio[2] = null_fd;
	job.stdio[1] = output_fd;
	if (r == 0)
		r = engine->run(&job, ret_status, err);
	if (r < 0 && job.made && job.made->overlay_refused) {
		err_clear(err);
		r = run_environment_use_copy(&root, &box, err);
		if (r == 0)
			r = engine->run(&job, ret_status, err);
	}
	engine_made_free(job.made);
	run_request_done(&request);
	return r;
}

int isolate_test(const char *store, const char *path, struct strings *ret_missing, struct err *err)
{
	auto_fd output_fd = memfd_create("rootlet-test", MFD_CLOEXEC);
	auto_buf output = { 0 };
	auto_free char *real = realpath(path, NULL);
	int status = 125;
	int r;

	if (output_fd < 0 || !real)
		return fail(err, errno, "self-test");
	r = run_in(store, real, output_fd, &status, err);
	if (r < 0 && (status == 126 || status == 127)) {
		err_clear(err);
		strings_add(ret_missing, "a shell (/bin/sh)");
		return 0;
	}
	if (r < 0)
		return err_wrap(err, "self-test");
	if (lseek(output_fd, 0, SEEK_SET) < 0 ||
	    io_read_to_end(output_fd, 65536, &output, NULL) < 0)
		return fail(err, EIO, "self-test");
	strings_add_words(ret_missing, buf_text(&output), "\n");
	return 0;
}
