// SPDX-License-Identifier: Apache-2.0
/* activate is for sh, bash, zsh and dash alike, as that of Python's venv: it finds its own place
 * where the shell says where a sourced file is, else it is at the path it was made for. */
#include "flow/isolate_shell.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/text.h"
#include "flow/environment.h"

/* What builds start, by the names that they start it by. */
static const char *const shims[] = {
	"cc", "c++", "gcc",    "g++",	"gfortran", "cpp",   "ld",	"ar",
	"as", "nm",  "ranlib", "strip", "make",	    "cmake", "python3",
};

static const char before[] =
	"# Put the programs of a rootlet environment first: . ENV/activate, and later deactivate\n"
	"deactivate() {\n"
	"    [ -z \"${ROOTLET_OLD_PATH+x}\" ] || PATH=$ROOTLET_OLD_PATH\n"
	"    [ -z \"${ROOTLET_OLD_PS1+x}\" ] || PS1=$ROOTLET_OLD_PS1\n"
	"    [ \"${SPACK_PYTHON:-}\" != \"$ROOTLET_ACTIVE/bin/spack-python\" ] || unset "
	"SPACK_PYTHON\n"
	"    unset ROOTLET_OLD_PATH ROOTLET_OLD_PS1 ROOTLET_ACTIVE ROOTLET_TREE\n"
	"    hash -r 2>/dev/null || true\n"
	"    unset -f deactivate\n"
	"}\n"
	"[ -z \"${ROOTLET_ACTIVE:-}\" ] || {\n"
	"    [ -z \"${ROOTLET_OLD_PATH+x}\" ] || PATH=$ROOTLET_OLD_PATH\n"
	"    [ -z \"${ROOTLET_OLD_PS1+x}\" ] || PS1=$ROOTLET_OLD_PS1\n"
	"}\n"
	"ROOTLET_ACTIVE=";

static const char after[] = "if [ -n \"${BASH_VERSION:-}\" ]; then\n"
			    "    eval 'ROOTLET_FILE=${BASH_SOURCE[0]}'\n"
			    "elif [ -n \"${ZSH_VERSION:-}\" ]; then\n"
			    "    eval 'ROOTLET_FILE=${(%):-%x}'\n"
			    "else\n"
			    "    ROOTLET_FILE=\n"
			    "fi\n"
			    "[ ! -e \"${ROOTLET_FILE%/*}/" ENVIRONMENT_FILE "\" ] ||\n"
			    "    ROOTLET_ACTIVE=$(cd \"${ROOTLET_FILE%/*}\" && pwd -P)\n"
			    "unset ROOTLET_FILE\n"
			    "# What is below is seen by commands that are started there.\n"
			    "ROOTLET_TREE=$(pwd -P)\n"
			    "export ROOTLET_ACTIVE ROOTLET_TREE\n"
			    "ROOTLET_OLD_PATH=$PATH\n"
			    "PATH=$ROOTLET_ACTIVE/bin:$PATH\n"
			    "SPACK_PYTHON=$ROOTLET_ACTIVE/bin/spack-python\n"
			    "export PATH SPACK_PYTHON\n"
			    "if [ -n \"${PS1-}\" ]; then\n"
			    "    ROOTLET_OLD_PS1=$PS1\n"
			    "    PS1=\"(${ROOTLET_ACTIVE##*/}) $PS1\"\n"
			    "fi\n"
			    "hash -r 2>/dev/null || true\n";

/* A program of the environment under its own name, from the host. */
static const char shim[] = "#!/bin/sh\n"
			   "# Run by its name in the environment this folder belongs to.\n"
			   "here=${0%/*}\n"
			   "[ -z \"${ROOTLET_ENV:-}\" ] || exec \"/usr/bin/${0##*/}\" \"$@\"\n"
			   "exec rootlet run \"$here/..\" -- \"${0##*/}\" \"$@\"\n";

/* `spack`, whoever finds it on PATH. */
static const char spack[] =
	"#!/bin/sh\n"
	"# Spack, told to work in the environment this folder belongs to.\n"
	"here=${0%/*}\n"
	"[ -z \"${ROOTLET_ENV:-}\" ] || exec \"${SPACK_ROOT:?}/bin/spack\" \"$@\"\n"
	"exec rootlet spack \"$here/..\" -- \"$@\"\n";

/* Since release 0.17 Spack starts its Python by this variable, so here comes whoever calls Spack by
 * a path or a shell function: our first word is Spack. Other Python is the host's. */
static const char spack_python[] = "#!/bin/sh\n"
				   "# SPACK_PYTHON: the same for any call of Spack.\n"
				   "here=${0%/*}\n"
				   "case ${1:-} in\n"
				   "*/bin/spack) ;;\n"
				   "*) exec python3 \"$@\" ;;\n"
				   "esac\n"
				   "[ -z \"${ROOTLET_ENV:-}\" ] || exec python3 \"$@\"\n"
				   "spack=$1\n"
				   "shift\n"
				   "exec rootlet spack --spack \"$spack\" \"$here/..\" -- \"$@\"\n";

static int write_program(int fd, const char *name, const char *text, struct err *err)
{
	return io_replace_file_unsynced_at(fd, name, text, strlen(text), 0755, err);
}

static int write_bin(int fd, struct err *err)
{
	auto_fd bin_fd = -1;
	int r;

	if (mkdirat(fd, "bin", 0755) < 0)
		return fail(err, errno, "make 'bin'");
	bin_fd = openat(fd, "bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bin_fd < 0)
		return fail(err, errno, "open 'bin'");
	r = write_program(bin_fd, ".shim", shim, err);
	if (r == 0)
		r = write_program(bin_fd, "spack", spack, err);
	if (r == 0)
		r = write_program(bin_fd, "spack-python", spack_python, err);
	for (size_t i = 0; r == 0 && i < array_count(shims); i++)
		if (symlinkat(".shim", bin_fd, shims[i]) < 0)
			r = fail(err, errno, "link '%s'", shims[i]);
	return r;
}

int isolate_write_shell(int fd, const char *path, struct err *err)
{
	auto_buf text = { 0 };
	auto_buf absolute = { 0 };
	char folder[PATH_MAX];

	if (path[0] != '/' && getcwd(folder, sizeof(folder)))
		buf_printf(&absolute, "%s/", folder);
	buf_add_text(&absolute, path);
	while (absolute.size_bytes > 1 && absolute.bytes[absolute.size_bytes - 1] == '/')
		buf_truncate(&absolute, absolute.size_bytes - 1);
	buf_add_text(&text, before);
	text_add_shell_word(&text, absolute.bytes);
	buf_add_char(&text, '\n');
	buf_add_text(&text, after);
	if (io_replace_file_unsynced_at(fd, "activate", text.bytes, text.size_bytes, 0644, err) < 0)
		return -err->code;
	return write_bin(fd, err);
}
